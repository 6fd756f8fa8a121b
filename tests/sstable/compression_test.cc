// Compression of blocks, with and without a dictionary.

#include "lsm/sstable/compression.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/base/coding.h"
#include "lsm/base/hash.h"

namespace lsm {
namespace {

constexpr char kPath[] = "dir/000007.sst";
constexpr Compression kZstd{Compression::Kind::kZstd, 1};

std::string Noise(uint64_t seed, size_t words) {
  std::string noise;
  for (uint64_t i = 0; i < words; ++i) {
    const uint64_t state = seed << 32 | i;
    AppendFixed<uint64_t>(
        &noise, HashKey(std::string_view(reinterpret_cast<const char*>(&state), sizeof(state))));
  }
  return noise;
}

// Blocks as a table has them: alike, half of each random.
std::vector<std::string> SomeContents(size_t count) {
  std::vector<std::string> contents;
  for (size_t i = 0; i < count; ++i) {
    std::string content;
    for (size_t row = 0; row < 8; ++row) {
      content += "user" + std::to_string(1000 * i + row) + " is known for " + Noise(i, 4 + row);
    }
    contents.push_back(std::move(content));
  }
  return contents;
}

// What a block compresses to; "" where it is better kept raw.
std::string Compressed(BlockCompressor* compressor, const std::string& content,
                       BlockCompression expected) {
  std::string_view payload;
  EXPECT_EQ(compressor->Compress(content, &payload), expected);
  return std::string(payload);
}

Status Decompress(const std::string& payload, const BlockDictionary* dictionary,
                  std::string* content) {
  return DecompressBlock({payload, 5, 64, kPath}, payload, dictionary, content->data(),
                         content->size());
}

TEST(CompressionTest, RoundTripAndHostileFrames) {
  std::string content;
  for (int i = 0; i < 300; ++i) content += "row " + std::to_string(i * i) + "; ";
  BlockCompressor compressor(kZstd);
  const std::string payload = Compressed(&compressor, content, BlockCompression::kZstd);
  std::string read(content.size(), '\0');
  ASSERT_TRUE(Decompress(payload, nullptr, &read).ok());
  EXPECT_EQ(read, content);
  // The frame's own size, larger or smaller, is not believed.
  for (const size_t size : {content.size() + 1, content.size() - 1, size_t{0}}) {
    read.resize(size);
    const Status status = Decompress(payload, nullptr, &read);
    EXPECT_TRUE(status.Is(Code::kCorruption));
    EXPECT_EQ(status.offset(), 64);
  }
  read.resize(content.size());
  for (size_t size = 0; size < payload.size(); ++size) {
    EXPECT_FALSE(Decompress(payload.substr(0, size), nullptr, &read).ok());
  }
  EXPECT_FALSE(Decompress(payload + "x", nullptr, &read).ok());
}

TEST(CompressionTest, WhatDoesNotShrinkStaysRaw) {
  const std::string noise = Noise(0, 1000);
  BlockCompressor zstd({Compression::Kind::kZstd, 3});
  for (const std::string& content : {noise, std::string(), std::string("a")}) {
    Compressed(&zstd, content, BlockCompression::kRaw);
  }
  EXPECT_LE(Compressed(&zstd, std::string(4096, 'a'), BlockCompression::kZstd).size(),
            4096 - 4096 / 16);
  BlockCompressor none({Compression::Kind::kNone, 0});
  none.MakeDictionary(SomeContents(64));
  EXPECT_EQ(none.dictionary(), "");
  Compressed(&none, std::string(4096, 'a'), BlockCompression::kRaw);
}

TEST(DictionaryTest, MakesSmallBlocksSmaller) {
  const std::vector<std::string> contents = SomeContents(200);
  BlockCompressor without(kZstd), with(kZstd);
  with.MakeDictionary(std::span(contents).first(64));
  ASSERT_NE(with.dictionary(), "");
  EXPECT_LE(with.dictionary().size(), kMaxDictionarySize);
  const auto dictionary = BlockDictionary::Parse(with.dictionary()).Take();
  EXPECT_GT(dictionary->memory_used(), 0);
  size_t size_without = 0, size_with = 0;
  for (const std::string& content : contents) {
    size_without += Compressed(&without, content, BlockCompression::kZstd).size();
    const std::string payload = Compressed(&with, content, BlockCompression::kZstdDictionary);
    size_with += payload.size();
    std::string read(content.size(), '\0');
    ASSERT_TRUE(Decompress(payload, dictionary.get(), &read).ok());
    EXPECT_EQ(read, content);
    // Without it, or with another one, the block is not read as anything else.
    const Status status = Decompress(payload, nullptr, &read);
    EXPECT_TRUE(!status.ok() || read != content);
  }
  EXPECT_LT(size_with, size_without * 9 / 10);
}

// Bytes of an alphabet, each as likely as the others.
std::string Letters(uint64_t seed, std::string_view alphabet, size_t size) {
  std::string letters = Noise(seed, size / sizeof(uint64_t) + 1).substr(0, size);
  for (char& c : letters) c = alphabet[static_cast<uint8_t>(c) % alphabet.size()];
  return letters;
}

// What a typical block of `size` random letters and their repetition compresses to.
size_t SizeOfLetters(int level, std::string_view alphabet, size_t size) {
  std::vector<std::string> contents;
  for (uint64_t i = 0; i < 64; ++i) {
    const std::string letters = Letters(i, alphabet, size);
    contents.push_back(letters + letters);
  }
  BlockCompressor compressor({Compression::Kind::kZstd, level});
  compressor.MakeDictionary(contents);
  const std::string letters = Letters(99, alphabet, size);
  return Compressed(&compressor, letters + letters, BlockCompression::kZstdDictionary).size();
}

// An entropy coder makes 4 bits of 8 from sixteen letters, and 6.5 from ninety.
TEST(DictionaryTest, LiteralsAreCodedWhereThatSavesAFifth) {
  std::string ninety;
  for (char c = ' '; ninety.size() < 90; ++c) ninety += c;
  EXPECT_LT(SizeOfLetters(1, "0123456789abcdef", 900), 900 * 6 / 10);
  EXPECT_GE(SizeOfLetters(1, ninety, 900), 900);
  // Who asks for more than the fastest gets it.
  EXPECT_LT(SizeOfLetters(2, ninety, 900), 900 * 9 / 10);
}

// The same input, the same bytes: tables can be compared.
TEST(DictionaryTest, IsTheSameEachTime) {
  const std::vector<std::string> contents = SomeContents(64);
  BlockCompressor one(kZstd), two(kZstd);
  one.MakeDictionary(contents);
  two.MakeDictionary(contents);
  EXPECT_EQ(one.dictionary(), two.dictionary());
}

TEST(DictionaryTest, SamplesOfEveryKindAreTaken) {
  for (const std::vector<std::string>& samples :
       {std::vector<std::string>(), std::vector<std::string>(64, ""),
        std::vector<std::string>(64, "a"), std::vector<std::string>(64, std::string(9000, 'a')),
        std::vector<std::string>(64, Noise(1, 100)), std::vector<std::string>{Noise(2, 10'000)}}) {
    BlockCompressor compressor(kZstd);
    compressor.MakeDictionary(samples);
    const std::string content = SomeContents(1)[0];
    std::string_view payload;
    ASSERT_NE(compressor.Compress(content, &payload), BlockCompression::kRaw);
    std::unique_ptr<const BlockDictionary> dictionary;
    if (!compressor.dictionary().empty()) {
      dictionary = BlockDictionary::Parse(compressor.dictionary()).Take();
    }
    std::string read(content.size(), '\0');
    ASSERT_TRUE(Decompress(std::string(payload), dictionary.get(), &read).ok());
    EXPECT_EQ(read, content);
  }
}

TEST(DictionaryTest, WhatIsNoneIsRefused) {
  BlockCompressor compressor(kZstd);
  compressor.MakeDictionary(SomeContents(64));
  const std::string good = compressor.dictionary();
  ASSERT_TRUE(BlockDictionary::Parse(good).ok());
  for (const std::string& bad :
       {std::string(), std::string("a"), good.substr(1), good.substr(0, 8), good.substr(0, 40),
        std::string(1000, '\0'), good + std::string(kMaxDictionarySize, 'x')}) {
    EXPECT_TRUE(BlockDictionary::Parse(bad).status().Is(Code::kCorruption)) << bad.size();
  }
}

// Its own bytes are under a sum; what slips through that is safe all the same.
TEST(DictionaryTest, EveryChangedByteIsSafe) {
  const std::vector<std::string> contents = SomeContents(64);
  BlockCompressor compressor(kZstd);
  compressor.MakeDictionary(contents);
  const std::string payload =
      Compressed(&compressor, contents[9], BlockCompression::kZstdDictionary);
  const std::string good = compressor.dictionary();
  for (size_t at = 0; at < good.size(); at += at < 300 ? 1 : 97) {
    for (const char change : {'\x01', '\x80', '\xff'}) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      auto dictionary = BlockDictionary::Parse(bytes);
      if (!dictionary.ok()) {
        EXPECT_TRUE(dictionary.status().Is(Code::kCorruption)) << at;
        continue;
      }
      std::string read(contents[9].size(), '\0');
      const Status status = Decompress(payload, dictionary.Take().get(), &read);
      EXPECT_TRUE(status.ok() || status.Is(Code::kCorruption)) << at;
    }
  }
}

}  // namespace
}  // namespace lsm
