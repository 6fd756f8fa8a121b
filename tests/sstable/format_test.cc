#include "lsm/sstable/format.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "lsm/base/coding.h"
#include "lsm/base/hash.h"
#include "lsm/base/write_batch.h"
#include "lsm/sstable/properties.h"
#include "lsm/sstable/tombstones.h"

namespace lsm {
namespace {

constexpr char kPath[] = "dir/000007.sst";

TableFooter SomeFooter() {
  TableFooter footer;
  footer.file_number = 7;
  footer.filter = {640, 64};
  footer.index = {704, 192};
  footer.properties = {896, 128};
  return footer;
}

// The footer as it stands in a file of 1024 bytes before it.
std::string Encode(const TableFooter& footer) {
  std::string bytes;
  AppendFooter(footer, 1024, &bytes);
  return bytes;
}

Status Parse(const std::string& bytes, uint64_t file_size = 1024 + kFooterSize) {
  TableFooter footer;
  return ParseFooter(bytes, file_size, kPath, &footer);
}

void FixFooterSum(std::string* bytes) {
  StoreFixed<uint64_t>(bytes->data() + 112,
                       Checksum64(std::string_view(*bytes).substr(0, 112), ChecksumSeed(7, 1024)));
}

TEST(FooterTest, RoundTrip) {
  const std::string bytes = Encode(SomeFooter());
  ASSERT_EQ(bytes.size(), kFooterSize);
  TableFooter footer;
  ASSERT_TRUE(ParseFooter(bytes, 1024 + kFooterSize, kPath, &footer).ok());
  EXPECT_EQ(footer.file_number, 7);
  EXPECT_EQ(footer.filter.offset, 640);
  EXPECT_EQ(footer.tombstones.size, 0);
  EXPECT_EQ(footer.index.end(), footer.properties.offset);
  EXPECT_EQ(footer.data_end(), 640);
}

TEST(FooterTest, EveryFlippedBitIsFound) {
  const std::string good = Encode(SomeFooter());
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const Status status = Parse(bytes);
    EXPECT_TRUE(status.Is(Code::kCorruption)) << bit;
    EXPECT_EQ(status.file(), kPath);
    EXPECT_GE(status.offset(), 1024);
  }
}

TEST(FooterTest, ShortOrMovedFilesAreNoTables) {
  EXPECT_TRUE(Parse("", 0).Is(Code::kCorruption));
  EXPECT_TRUE(Parse("short", 5).Is(Code::kCorruption));
  const std::string bytes = Encode(SomeFooter());
  EXPECT_TRUE(Parse(bytes, 1024 + kFooterSize + 64).Is(Code::kCorruption));
  EXPECT_TRUE(Parse(bytes, kFooterSize).Is(Code::kCorruption));
}

TEST(FooterTest, NewerVersionsAreUnsupportedNotDamaged) {
  std::string bytes = Encode(SomeFooter());
  StoreFixed<uint32_t>(bytes.data() + 104, kTableVersion + 1);
  EXPECT_TRUE(Parse(bytes).Is(Code::kCorruption));
  FixFooterSum(&bytes);
  const Status status = Parse(bytes);
  EXPECT_TRUE(status.Is(Code::kUnsupported));
  EXPECT_NE(status.message().find("version 3"), std::string_view::npos) << status.ToString();
  StoreFixed<uint32_t>(bytes.data() + 104, 0);
  FixFooterSum(&bytes);
  EXPECT_TRUE(Parse(bytes).Is(Code::kCorruption));
}

// Where a table has no dictionary, its footer is one of version 1, and the other way round.
TEST(FooterTest, ADictionaryMakesTheVersion) {
  EXPECT_EQ(LoadFixed<uint32_t>(Encode(SomeFooter()).data() + 104), 1);
  TableFooter footer = SomeFooter();
  footer.dictionary = {512, 128};
  const std::string good = Encode(footer);
  EXPECT_EQ(LoadFixed<uint32_t>(good.data() + 104), 2);
  TableFooter parsed;
  ASSERT_TRUE(ParseFooter(good, 1024 + kFooterSize, kPath, &parsed).ok());
  EXPECT_EQ(parsed.dictionary.offset, 512);
  EXPECT_EQ(parsed.data_end(), 512);
  for (const uint32_t wrong : {0, 1}) {
    std::string bytes = good;
    StoreFixed<uint32_t>(bytes.data() + 104, wrong);
    FixFooterSum(&bytes);
    EXPECT_TRUE(Parse(bytes).Is(Code::kCorruption)) << wrong;
  }
  std::string bytes = Encode(SomeFooter());
  StoreFixed<uint32_t>(bytes.data() + 104, 2);
  FixFooterSum(&bytes);
  EXPECT_TRUE(Parse(bytes).Is(Code::kCorruption));
  bytes = good;
  bytes[88] = 1;  // reserved
  FixFooterSum(&bytes);
  EXPECT_TRUE(Parse(bytes).Is(Code::kCorruption));
}

TEST(FooterTest, SectionsMustFillTheFile) {
  const auto expect_refused = [](const TableFooter& footer) {
    EXPECT_TRUE(Parse(Encode(footer)).Is(Code::kCorruption));
  };
  TableFooter footer = SomeFooter();
  footer.index.size = 0;
  expect_refused(footer);
  footer = SomeFooter();
  footer.filter = {};  // a hole is not seen: the data just ends later
  EXPECT_TRUE(Parse(Encode(footer)).ok());
  footer.filter = {64, 0};
  expect_refused(footer);
  footer = SomeFooter();
  footer.properties.size = 64;
  expect_refused(footer);
  footer = SomeFooter();
  footer.properties.size = UINT64_MAX - 63;
  expect_refused(footer);
  footer = SomeFooter();
  footer.filter = {UINT64_MAX - 63, 64};
  expect_refused(footer);
  footer = SomeFooter();
  footer.index = {705, 191};
  expect_refused(footer);
  footer = SomeFooter();
  std::swap(footer.filter, footer.index);
  expect_refused(footer);
}

// Sums that are right, over numbers that would lead out of the file or round the end of 64 bits.
TEST(FooterTest, SectionsThatMeetTheEndByWrappingOrUnalignedAreRefused) {
  const auto status_of = [](const TableFooter& footer, uint64_t offset) {
    std::string bytes;
    AppendFooter(footer, offset, &bytes);
    return Parse(bytes, offset + kFooterSize);
  };
  ASSERT_TRUE(status_of(SomeFooter(), 1024).ok());
  TableFooter footer = SomeFooter();
  footer.filter = {1152, uint64_t{0} - 448};  // behind the footer, and back to 704
  EXPECT_TRUE(status_of(footer, 1024).Is(Code::kCorruption));
  footer = SomeFooter();
  footer.filter = {640, uint64_t{0} - 64};  // back to 576
  footer.index = {576, 320};
  EXPECT_TRUE(status_of(footer, 1024).Is(Code::kCorruption));
  footer = SomeFooter();
  footer.index = {};
  footer.properties = {704, 320};
  EXPECT_TRUE(status_of(footer, 1024).Is(Code::kCorruption)) << "no index";
  footer = SomeFooter();
  footer.index = {704, 320};
  footer.properties = {};
  EXPECT_TRUE(status_of(footer, 1024).Is(Code::kCorruption)) << "no properties";
  footer = SomeFooter();
  footer.properties.size = 100;
  EXPECT_TRUE(status_of(footer, 996).Is(Code::kCorruption)) << "a size that is no multiple";
  footer = SomeFooter();
  for (FileRange* range : {&footer.filter, &footer.index, &footer.properties}) ++range->offset;
  EXPECT_TRUE(status_of(footer, 1025).Is(Code::kCorruption)) << "offsets that are no multiples";
}

TEST(SealedBlockTest, RoundTripAndDamage) {
  for (const uint64_t offset : {uint64_t{0}, uint64_t{8}, uint64_t{4096}, uint64_t{1} << 40}) {
    for (const uint64_t alignment : {kBlockAlignment, kRawBlockAlignment}) {
      for (size_t size = 0; size < 70; ++size) {
        std::string bytes = "before";
        bytes += std::string(size, 'p');
        SealBlock(BlockCompression::kRaw, size, alignment, 5, offset, 6, &bytes);
        const std::string stored = bytes.substr(6);
        EXPECT_EQ((offset + stored.size()) % alignment, 0);
        EXPECT_LT(stored.size(), size + kBlockTrailerSize + alignment);
        BlockTrailer trailer;
        std::string_view payload;
        ASSERT_TRUE(CheckBlock({stored, 5, offset, kPath}, &trailer, &payload).ok());
        EXPECT_EQ(payload, std::string(size, 'p'));
        // In the wrong file, in the wrong place, cut short.
        EXPECT_FALSE(CheckBlock({stored, 6, offset, kPath}, &trailer, &payload).ok());
        EXPECT_FALSE(CheckBlock({stored, 5, offset + 8, kPath}, &trailer, &payload).ok());
        EXPECT_FALSE(CheckBlock({stored.substr(1), 5, offset, kPath}, &trailer, &payload).ok());
      }
    }
  }
}

TEST(SealedBlockTest, TrailersThatCannotBe) {
  std::string good(100, 'p');
  SealBlock(BlockCompression::kRaw, 100, kBlockAlignment, 5, 0, 0, &good);
  const size_t at = good.size() - kBlockTrailerSize;
  const auto expect_refused = [&](size_t byte, char to) {
    std::string bytes = good;
    ASSERT_NE(bytes[at + byte], to);
    bytes[at + byte] = to;
    BlockTrailer trailer;
    EXPECT_TRUE(ParseBlockTrailer({bytes, 5, 0, kPath}, &trailer).Is(Code::kCorruption)) << byte;
  };
  expect_refused(0, 3);  // an unknown compression
  expect_refused(0, '\xff');
  expect_refused(1, 3);  // padding that is not what a raw block has
  expect_refused(1, '\xff');
  expect_refused(2, 1);
  expect_refused(3, 1);
  expect_refused(4, 99);  // content_size
  std::string huge = good;
  huge[at] = static_cast<char>(BlockCompression::kZstd);
  StoreFixed<uint32_t>(huge.data() + at + 4, kMaxCompressedContentSize + 1);
  BlockTrailer trailer;
  EXPECT_TRUE(ParseBlockTrailer({huge, 5, 0, kPath}, &trailer).Is(Code::kCorruption));
  std::string padded = good;
  padded[at] = static_cast<char>(BlockCompression::kZstd);
  padded[at + 1] = static_cast<char>(at + 1);
  EXPECT_TRUE(ParseBlockTrailer({padded, 5, 0, kPath}, &trailer).Is(Code::kCorruption));
  padded[at + 1] = static_cast<char>(at);
  EXPECT_TRUE(ParseBlockTrailer({padded, 5, 0, kPath}, &trailer).ok());
}

TEST(SectionTest, RoundTripAndDamage) {
  for (const size_t size : {0, 1, 47, 48, 49, 63, 64, 1000}) {
    std::string file(128, 'd');
    const FileRange range = AppendSection(std::string(size, 's'), 5, 128, &file);
    EXPECT_EQ(range.offset, 128);
    EXPECT_EQ(range.end(), file.size());
    EXPECT_EQ(range.size % kSectionAlignment, 0);
    const std::string stored = file.substr(128);
    std::string_view content;
    ASSERT_TRUE(CheckSection({stored, 5, 128, kPath}, &content).ok());
    EXPECT_EQ(content, std::string(size, 's'));
    EXPECT_FALSE(CheckSection({stored, 5, 192, kPath}, &content).ok());
    EXPECT_FALSE(CheckSection({stored, 6, 128, kPath}, &content).ok());
    std::string huge = stored;
    StoreFixed<uint64_t>(huge.data() + huge.size() - 16, UINT64_MAX);
    StoreFixed<uint64_t>(
        huge.data() + huge.size() - 8,
        Checksum64(std::string_view(huge).substr(0, huge.size() - 8), ChecksumSeed(5, 128)));
    EXPECT_TRUE(CheckSection({huge, 5, 128, kPath}, &content).Is(Code::kCorruption));
  }
}

TEST(SectionTest, ShorterThanItsTrailerIsRefused) {
  const std::string bytes(kSectionTrailerSize, '\0');
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string_view content;
    const Status status = CheckSection({bytes.substr(0, size), 5, 128, kPath}, &content);
    EXPECT_TRUE(status.Is(Code::kCorruption)) << size;
    EXPECT_EQ(status.message(), "a section is too short for its trailer") << size;
  }
}

TEST(PropertiesTest, RoundTripAndDamage) {
  TableProperties properties;
  properties.entry_count = UINT64_MAX;
  properties.max_sequence = kMaxSequence;
  properties.filter_bits_per_key = 9.7331;
  properties.smallest_key = std::string("\0a", 2);
  properties.largest_key = std::string(kMaxKeySize, '\xff');
  properties.compression = "zstd:1";
  std::string content;
  AppendProperties(properties, &content);
  TableProperties parsed;
  ASSERT_EQ(ParseProperties(content, &parsed), nullptr);
  EXPECT_EQ(parsed.entry_count, UINT64_MAX);
  EXPECT_EQ(parsed.max_sequence, kMaxSequence);
  EXPECT_EQ(parsed.filter_bits_per_key, 9.7331);
  EXPECT_EQ(parsed.smallest_key, properties.smallest_key);
  EXPECT_EQ(parsed.largest_key, properties.largest_key);
  EXPECT_EQ(parsed.compression, "zstd:1");

  std::string later = content;
  AppendLengthPrefixed(&later, "of_a_later_version");
  AppendLengthPrefixed(&later, "whatever");
  EXPECT_EQ(ParseProperties(later, &parsed), nullptr);
  EXPECT_NE(ParseProperties(content + content, &parsed), nullptr) << "twice";
  EXPECT_NE(ParseProperties("", &parsed), nullptr) << "missing";
  for (size_t size = 0; size < content.size(); size += 1 + size / 100) {
    EXPECT_NE(ParseProperties(content.substr(0, size), &parsed), nullptr) << size;
  }
}

TEST(PropertiesTest, NumbersAreFinite) {
  for (const double bad :
       {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    TableProperties properties;
    properties.filter_bits_per_key = bad;
    std::string content;
    AppendProperties(properties, &content);
    EXPECT_STREQ(ParseProperties(content, &properties), "a property does not parse") << bad;
  }
}

TEST(TombstonesTest, RoundTripAndDamage) {
  const std::string longest(kMaxKeySize + 1, '\xfe');
  const std::vector<RangeTombstone> tombstones = {{"b", "c", 3},
                                                  {"", InfiniteKey(), kMaxSequence},
                                                  {"a", longest, 1},
                                                  {longest, InfiniteKey(), 2}};
  std::string content;
  for (const RangeTombstone& tombstone : tombstones) AppendTombstone(tombstone, &content);
  std::vector<RangeTombstone> parsed;
  ASSERT_EQ(ParseTombstones(content, &parsed), nullptr);
  ASSERT_EQ(parsed.size(), tombstones.size());
  for (size_t i = 0; i < parsed.size(); ++i) {
    EXPECT_EQ(parsed[i].begin, tombstones[i].begin);
    EXPECT_EQ(parsed[i].end, tombstones[i].end);
    EXPECT_EQ(parsed[i].sequence, tombstones[i].sequence);
  }
  const auto refused = [](std::string_view begin, std::string_view end, uint64_t sequence) {
    std::string bytes;
    AppendLengthPrefixed(&bytes, begin);
    AppendRangeEnd(&bytes, end);
    AppendVarint(&bytes, sequence);
    std::vector<RangeTombstone> ignored;
    return ParseTombstones(bytes, &ignored) != nullptr;
  };
  EXPECT_FALSE(refused("a", "b", 1));
  EXPECT_TRUE(refused("a", "a", 1));
  EXPECT_TRUE(refused("b", "a", 1));
  EXPECT_TRUE(refused("a", "b", 0));
  EXPECT_TRUE(refused("a", "b", kMaxSequence + 1));
  EXPECT_TRUE(refused(std::string(kMaxKeySize + 2, 'a'), "b", 1));
  EXPECT_TRUE(refused("a", std::string(kMaxKeySize + 2, 'b'), 1));
  EXPECT_NE(ParseTombstones("\x05", &parsed), nullptr);
}

}  // namespace
}  // namespace lsm
