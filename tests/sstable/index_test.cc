#include "lsm/sstable/index.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/base/limits.h"

namespace lsm {
namespace {

constexpr uint64_t kBlockBytes = 64;

// Whether or not it is a sound index.
std::string BytesOf(const std::vector<std::string>& separators) {
  IndexBuilder builder;
  for (const std::string& separator : separators) {
    builder.Add(builder.block_count() * kBlockBytes, separator);
  }
  const uint64_t size = builder.size();
  std::string bytes;
  EXPECT_TRUE(builder.Finish(separators.size() * kBlockBytes, &bytes).ok());
  EXPECT_EQ(bytes.size(), size);
  return bytes;
}

struct Index {
  struct alignas(64) Line {
    char bytes[64];
  };
  std::vector<Line> aligned;
  std::string bytes;
  IndexReader reader;

  explicit Index(const std::vector<std::string>& separators) : bytes(BytesOf(separators)) {
    EXPECT_EQ(Parse(bytes, separators.size() * kBlockBytes), nullptr);
  }
  const char* Parse(const std::string& from, uint64_t data_end) {
    aligned.assign(from.size() / 64 + 1, Line());
    std::memcpy(aligned.data(), from.data(), from.size());
    return IndexReader::Parse(
        std::string_view(reinterpret_cast<const char*>(aligned.data()), from.size()), data_end,
        &reader);
  }
};

void ExpectFinds(const std::vector<std::string>& separators, const std::vector<std::string>& keys) {
  Index index(separators);
  ASSERT_EQ(index.reader.block_count(), separators.size());
  for (uint64_t i = 0; i < separators.size(); ++i) {
    EXPECT_EQ(index.reader.separator(i), separators[i]);
    EXPECT_EQ(index.reader.range(i).offset, i * kBlockBytes);
    EXPECT_EQ(index.reader.range(i).size, kBlockBytes);
  }
  for (const std::string& key : keys) {
    EXPECT_EQ(index.reader.LowerBound(key),
              std::lower_bound(separators.begin(), separators.end(), key) - separators.begin())
        << testing::PrintToString(key);
    EXPECT_EQ(index.reader.UpperBound(key),
              std::upper_bound(separators.begin(), separators.end(), key) - separators.begin())
        << testing::PrintToString(key);
    EXPECT_EQ(index.reader.OffsetOf(key), index.reader.LowerBound(key) * kBlockBytes)
        << testing::PrintToString(key);
  }
}

std::vector<std::string> Neighbours(const std::vector<std::string>& separators) {
  std::vector<std::string> keys = {"", std::string(kMaxKeySize, '\xff'), std::string(9, '\0')};
  for (const std::string& separator : separators) {
    keys.push_back(separator);
    keys.push_back(separator + '\0');
    keys.push_back(separator + "\xff\xff");
    for (size_t size = 0; size < std::min<size_t>(separator.size(), 24); ++size) {
      keys.push_back(separator.substr(0, size));
    }
    if (separator.empty()) continue;
    for (const int step : {-1, 1}) {
      keys.push_back(separator);
      keys.back().back() = static_cast<char>(keys.back().back() + step);
    }
  }
  return keys;
}

TEST(IndexTest, EmptyIndex) {
  Index index({});
  EXPECT_EQ(index.reader.block_count(), 0);
  EXPECT_EQ(index.reader.LowerBound("k"), 0);
  EXPECT_EQ(index.reader.UpperBound(""), 0);
  EXPECT_EQ(index.reader.OffsetOf("k"), 0);
}

TEST(IndexTest, FindsAsTheStandardLibraryDoes) {
  const std::vector<std::vector<std::string>> cases = {
      {""},
      {"", "", "a"},
      {"a"},
      {"a", "a", "a"},
      {std::string(1, '\0'), std::string(2, '\0'), std::string(9, '\0')},
      {"abcdefgh", "abcdefghi", "abcdefghij", "abcdefghijk"},
      {"prefix", "prefixa", "prefixb", "prefixba"},
      {"prefix-0000000012345678", "prefix-0000000012345679", "prefix-0000000012345680"},
      {"\xff", "\xff\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff\xff"},
      {std::string(kMaxKeySize - 1, 'x'), std::string(kMaxKeySize, 'x')},
  };
  for (const auto& separators : cases) ExpectFinds(separators, Neighbours(separators));
}

TEST(IndexTest, RandomSeparators) {
  const uint32_t seed = 99;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 400; ++round) {
    std::vector<std::string> separators(1 + random() % 200);
    const std::string shared(random() % 3 * 5, 's');
    const uint32_t letters = 1 + random() % 3;
    for (std::string& separator : separators) {
      separator = shared;
      for (size_t i = random() % 16; i > 0; --i) separator += "\0a\xff"[random() % letters];
    }
    std::sort(separators.begin(), separators.end());
    ExpectFinds(separators, Neighbours(separators));
  }
}

TEST(IndexTest, ShortSeparators) {
  EXPECT_EQ(ShortSeparator("abc", "abx"), "abc");
  EXPECT_EQ(ShortSeparator("abcdef", "abxyz"), "abx");
  EXPECT_EQ(ShortSeparator("abc", "abcd"), "abc");
  EXPECT_EQ(ShortSeparator("same", "same"), "same");
  EXPECT_EQ(ShortSeparator("", "zzz"), "");
  EXPECT_EQ(ShortSeparator("aaaa", "b"), "aaaa");
  std::mt19937 random(5);
  for (int round = 0; round < 20'000; ++round) {
    std::string keys[2];
    for (std::string& key : keys) {
      for (size_t i = random() % 6; i > 0; --i) key += "abc"[random() % 3];
    }
    if (keys[0] > keys[1]) std::swap(keys[0], keys[1]);
    const std::string_view separator = ShortSeparator(keys[0], keys[1]);
    EXPECT_LE(keys[0], separator);
    EXPECT_LE(separator.size(), keys[0].size());
    if (keys[0] != keys[1]) {
      EXPECT_LT(separator, keys[1]);
    }
  }
}

TEST(IndexTest, RefusesWhatIsNoIndex) {
  const std::vector<std::string> separators = {"user1", "user2", "user2", "user31234567890",
                                               "userz"};
  Index index(separators);
  const std::string good = index.bytes;
  const uint64_t data_end = separators.size() * kBlockBytes;
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_NE(index.Parse(good.substr(0, size), data_end), nullptr) << size;
  }
  EXPECT_NE(index.Parse(good + "x", data_end), nullptr);
  EXPECT_NE(index.Parse(good, data_end + 8), nullptr);
  EXPECT_NE(index.Parse(good, data_end - 8), nullptr);
  const auto with = [&](size_t at, uint64_t number) {
    std::string bytes = good;
    StoreFixed<uint64_t>(bytes.data() + at, number);
    return bytes;
  };
  for (const uint64_t count :
       {uint64_t{0}, uint64_t{4}, uint64_t{6}, UINT64_MAX, UINT64_MAX / 8 + 1}) {
    EXPECT_NE(index.Parse(with(0, count), data_end), nullptr) << count;
  }
  EXPECT_NE(index.Parse(with(16, 8), data_end), nullptr) << "zeros in the header";
  const size_t offsets = 64 + 64;
  EXPECT_NE(index.Parse(with(offsets, 8), data_end), nullptr) << "blocks begin at 0";
  EXPECT_NE(index.Parse(with(offsets + 8, 63), data_end), nullptr) << "aligned to 8";
  EXPECT_NE(index.Parse(with(offsets + 8, 128), data_end), nullptr) << "an empty block";
  EXPECT_NE(index.Parse(with(offsets + 8, UINT64_MAX - 7), data_end), nullptr) << "descending";
  EXPECT_NE(index.Parse(with(offsets + 40, 0), data_end), nullptr)
      << "filled up with where they end";
  EXPECT_NE(index.Parse(with(64 + 40, 0), data_end), nullptr)
      << "filled up with the largest prefix";
  EXPECT_NE(index.Parse(with(64 + 128, 0), data_end), nullptr) << "a top that is not of its group";
  std::string swapped = good;
  std::swap(swapped[swapped.size() - 1], swapped[swapped.size() - 2]);
  EXPECT_NE(index.Parse(swapped, data_end), nullptr) << "the separators differ from the prefixes";
}

// Each breaks what one check guards and nothing else, so that check must be the one to speak.
TEST(IndexTest, EachCheckSaysWhatIsWrong) {
  const std::vector<std::string> separators = {"user1", "user2", "user3"};
  Index index(separators);
  const std::string good = index.bytes;
  const uint64_t data_end = separators.size() * kBlockBytes;
  // Of an index of three blocks.
  constexpr size_t kSharedSizeAt = 8;
  constexpr size_t kPrefixesAt = 64;
  constexpr size_t kSeparatorEndsAt = kPrefixesAt + 64 + 64 + 8;
  constexpr size_t kSeparatorsAt = kSeparatorEndsAt + 3 * 4;
  ASSERT_EQ(good.substr(kSeparatorsAt), "user1user2user3");
  const auto with = [](std::string bytes, size_t at, auto number) {
    StoreFixed(bytes.data() + at, number);
    return bytes;
  };

  constexpr char kHeader[] = "the header of the index is damaged";
  constexpr char kCover[] = "the index does not cover the data blocks";
  constexpr char kFit[] = "the separators of the index do not fit into it";
  constexpr char kPrefixes[] = "the key prefixes of the index are not those of its separators";
  // So many blocks need 2^64 times ten bytes and eight.
  constexpr uint64_t kWraps = 0x79e79e79e79e79e8;
  static_assert(kWraps % 8 == 0 && kWraps / 8 * (8 * (8 + 8) + 8) + kWraps * 4 == 8);
  const std::string overlong(kMaxKeySize + 1, 'k');
  const struct {
    const char* broken;
    std::string bytes;
    uint64_t data_end;
    const char* expected;
  } cases[] = {
      {"nothing", good, data_end, ""},
      {"more blocks than bytes", with(good, 0, uint64_t{41}), data_end, kHeader},
      {"a count whose bytes wrap", with(good, 0, kWraps), data_end, kHeader},
      {"more blocks than fit", with(good, 0, uint64_t{9}), data_end,
       "the index is shorter than its blocks need"},
      {"a shared prefix beyond the end", with(good, kSharedSizeAt, uint32_t{16}), data_end,
       kHeader},
      {"a shared prefix longer than a key",
       with(BytesOf({"a", overlong.substr(1)}), kSharedSizeAt, uint32_t{kMaxKeySize + 1}),
       2 * kBlockBytes, kHeader},
      {"data that end before the last block", good, kBlockBytes, kCover},
      {"a separator beyond the end", with(good, kSeparatorEndsAt, uint32_t{16}), data_end, kFit},
      {"ends that descend", with(good, kSeparatorEndsAt + 4, uint32_t{4}), data_end, kFit},
      {"a separator longer than a key", BytesOf({"a", overlong}), 2 * kBlockBytes, kFit},
      {"a separator without the prefix of all", with(good, kSeparatorsAt + 10, 'v'), data_end,
       kPrefixes},
      {"a prefix of another separator", with(good, kPrefixesAt + 8, uint64_t{0}), data_end,
       kPrefixes},
      {"separators that descend", BytesOf({"b", "a"}), 2 * kBlockBytes,
       "the separators of the index do not ascend"},
  };
  for (const auto& c : cases) {
    const char* const wrong = index.Parse(c.bytes, c.data_end);
    EXPECT_STREQ(wrong == nullptr ? "" : wrong, c.expected) << c.broken;
  }
}

TEST(IndexTest, DamagedIndexIsRefusedOrReadSafely) {
  const uint32_t seed = 3;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const std::vector<std::string> separators = {"user1", "user2", "user2", "user31234567890",
                                               "userz"};
  Index index(separators);
  const std::string good = index.bytes;
  for (int round = 0; round < 50'000; ++round) {
    std::string bytes = good;
    for (uint32_t i = 0; i <= random() % 2; ++i) {
      bytes[random() % bytes.size()] =
          static_cast<char>(random() % 2 == 0 ? random() : random() % 4);
    }
    if (index.Parse(bytes, separators.size() * kBlockBytes) != nullptr) continue;
    for (const char* key : {"", "user", "user2", "user31234567890", "userzz", "v"}) {
      ASSERT_LE(index.reader.LowerBound(key), index.reader.block_count());
      ASSERT_LE(index.reader.UpperBound(key), index.reader.block_count());
    }
    for (uint64_t i = 0; i < index.reader.block_count(); ++i) {
      ASSERT_LE(index.reader.range(i).end(), separators.size() * kBlockBytes);
    }
  }
}

}  // namespace
}  // namespace lsm
