#include "lsm/filter/bloom.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/base/coding.h"
#include "lsm/base/hash.h"

namespace lsm {
namespace {

uint64_t HashOf(uint64_t number) {
  return HashKey(std::string_view(reinterpret_cast<const char*>(&number), sizeof(number)));
}

std::string BuildFilter(double bits_per_key, uint64_t keys) {
  BloomBuilder builder(bits_per_key);
  for (uint64_t i = 0; i < keys; ++i) builder.Add(HashOf(i));
  return builder.Finish();
}

double FalsePositiveRate(const BloomFilter& filter, uint64_t keys, uint64_t queries) {
  uint64_t found = 0;
  for (uint64_t i = 0; i < queries; ++i) found += filter.MayContain(HashOf(keys + i));
  return static_cast<double>(found) / static_cast<double>(queries);
}

TEST(Bloom, HoldsEveryKey) {
  for (const double bits :
       {0.0, 0.01, 0.5, 1.0, 3.3, 6.0, 10.0, 11.9, 12.0, 17.5, 24.0, 40.0, 64.0}) {
    for (const uint64_t keys : {1, 2, 50, 51, 52, 1000, 30000}) {
      const std::string bytes = BuildFilter(bits, keys);
      BloomFilter filter;
      ASSERT_TRUE(BloomFilter::Parse(bytes, &filter));
      for (uint64_t i = 0; i < keys; ++i) {
        ASSERT_TRUE(filter.MayContain(HashOf(i))) << bits << " bits, key " << i << " of " << keys;
      }
    }
  }
}

TEST(Bloom, HoldsHashesOfEveryShape) {
  std::vector<uint64_t> hashes = {0, 1, UINT32_MAX, uint64_t{UINT32_MAX} << 32, UINT64_MAX};
  for (int bit = 0; bit < 64; ++bit) hashes.push_back(uint64_t{1} << bit);
  BloomBuilder builder(10);
  for (const uint64_t hash : hashes) builder.Add(hash);
  const std::string bytes = builder.Finish();
  BloomFilter filter;
  ASSERT_TRUE(BloomFilter::Parse(bytes, &filter));
  for (const uint64_t hash : hashes) {
    filter.Prefetch(hash);
    EXPECT_TRUE(filter.MayContain(hash)) << hash;
  }
}

TEST(Bloom, SizeIsKnownBeforeFinish) {
  for (const double bits : {0.0, 0.5, 10.0, 24.0}) {
    BloomBuilder builder(bits);
    for (uint64_t i = 0; i < 3000; ++i) {
      if (i % 97 == 0) {
        BloomBuilder copy = builder;
        ASSERT_EQ(copy.key_count(), i);
        const uint64_t size = copy.size();
        ASSERT_EQ(copy.Finish().size(), size);
        ASSERT_EQ(copy.key_count(), 0u);
        // A line is the least there is, and the most that is wasted.
        const double budget = bits * static_cast<double>(i) / 8;
        ASSERT_LE(static_cast<double>(size), budget + 64 + 8);
        ASSERT_GE(static_cast<double>(size), budget);
      }
      builder.Add(HashOf(i));
    }
  }
}

TEST(Bloom, ReadyAgainAfterFinish) {
  BloomBuilder builder(10);
  builder.Add(HashOf(1));
  const std::string first = builder.Finish();
  builder.Add(HashOf(1));
  EXPECT_EQ(builder.Finish(), first);
}

TEST(Bloom, WithoutBitsHoldsEverything) {
  BloomFilter filter;
  EXPECT_TRUE(filter.MayContain(0));
  EXPECT_TRUE(filter.MayContain(UINT64_MAX));
  const std::string bytes = BuildFilter(0, 1000);
  EXPECT_EQ(bytes, std::string(8, '\0'));
  ASSERT_TRUE(BloomFilter::Parse(bytes, &filter));
  filter.Prefetch(UINT64_MAX);
  EXPECT_TRUE(filter.MayContain(UINT64_MAX));
  EXPECT_TRUE(filter.MayContain(HashOf(5000)));
}

TEST(Bloom, WithoutKeysHoldsNothing) {
  const std::string bytes = BuildFilter(10, 0);
  BloomFilter filter;
  ASSERT_TRUE(BloomFilter::Parse(bytes, &filter));
  EXPECT_EQ(FalsePositiveRate(filter, 0, 10000), 0.0);
}

// The rates that the header states, from 1 to 24 bits, within 10 % or 5 standard deviations.
TEST(Bloom, FalsePositivesAreAsStated) {
  constexpr std::pair<double, double> kStated[] = {
      {1, 0.632},    {2, 0.394},    {4, 0.148},    {6, 0.0577},    {8, 0.0232},   {10, 0.00965},
      {12, 0.00413}, {14, 0.00184}, {16, 0.00084}, {20, 0.000199}, {24, 0.000053}};
  constexpr uint64_t kKeys = 200'000;
  constexpr uint64_t kQueries = 1'000'000;
  for (const auto& [bits, stated] : kStated) {
    const std::string bytes = BuildFilter(bits, kKeys);
    BloomFilter filter;
    ASSERT_TRUE(BloomFilter::Parse(bytes, &filter));
    const double measured = FalsePositiveRate(filter, kKeys, kQueries);
    const double deviation = std::sqrt(stated / static_cast<double>(kQueries));
    EXPECT_NEAR(measured, stated, std::max(0.1 * stated, 5 * deviation)) << bits << " bits";
  }
}

TEST(Bloom, EveryBitMoreHelps) {
  constexpr uint64_t kKeys = 100'000;
  double previous = 1;
  for (int bits = 1; bits <= 16; ++bits) {
    const std::string bytes = BuildFilter(bits, kKeys);
    BloomFilter filter;
    ASSERT_TRUE(BloomFilter::Parse(bytes, &filter));
    const double rate = FalsePositiveRate(filter, kKeys, 400'000);
    EXPECT_LT(rate, previous) << bits << " bits";
    previous = rate;
  }
}

TEST(Bloom, ParseRefusesWhatIsNoFilter) {
  const std::string good = BuildFilter(10, 200);
  BloomFilter filter;
  ASSERT_TRUE(BloomFilter::Parse(good, &filter));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(BloomFilter::Parse(std::string_view(good).substr(0, size), &filter)) << size;
  }
  EXPECT_FALSE(BloomFilter::Parse(good + '\0', &filter));
  EXPECT_FALSE(BloomFilter::Parse(good + std::string(64, '\0'), &filter));

  const auto with_trailer = [](size_t line_bytes, uint32_t line_count, uint32_t probes) {
    std::string bytes(line_bytes, '\0');
    AppendFixed<uint32_t>(&bytes, line_count);
    AppendFixed<uint32_t>(&bytes, probes);
    return bytes;
  };
  EXPECT_TRUE(BloomFilter::Parse(with_trailer(0, 0, 0), &filter));
  EXPECT_TRUE(BloomFilter::Parse(with_trailer(64, 1, 1), &filter));
  EXPECT_TRUE(BloomFilter::Parse(with_trailer(64, 1, 14), &filter));
  EXPECT_FALSE(BloomFilter::Parse(with_trailer(64, 1, 0), &filter));
  EXPECT_FALSE(BloomFilter::Parse(with_trailer(64, 1, 15), &filter));
  EXPECT_FALSE(BloomFilter::Parse(with_trailer(64, 1, UINT32_MAX), &filter));
  EXPECT_FALSE(BloomFilter::Parse(with_trailer(0, 0, 6), &filter));
  EXPECT_FALSE(BloomFilter::Parse(with_trailer(0, 1, 6), &filter));
  EXPECT_FALSE(BloomFilter::Parse(with_trailer(64, 0, 6), &filter));
  EXPECT_FALSE(BloomFilter::Parse(with_trailer(64, 2, 6), &filter));
  EXPECT_FALSE(BloomFilter::Parse(with_trailer(64, UINT32_MAX, 6), &filter));
  // 2^26 lines are 2^32 bytes: no product may wrap to a small size.
  EXPECT_FALSE(BloomFilter::Parse(with_trailer(0, 1u << 26, 6), &filter));
}

// Whatever the bytes say, a probe stays inside them (the sanitizers watch) and needs no alignment.
TEST(Bloom, ProbesStayInsideAnyBytesThatParse) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    const uint32_t line_count = 1 + random() % 5;
    std::string bytes(1, '\0');
    for (uint32_t i = 0; i < line_count * 8; ++i) AppendFixed<uint64_t>(&bytes, random());
    AppendFixed<uint32_t>(&bytes, line_count);
    AppendFixed<uint32_t>(&bytes, 1 + random() % 14);
    const std::vector<char> exact(bytes.begin() + 1, bytes.end());
    BloomFilter filter;
    ASSERT_TRUE(BloomFilter::Parse(std::string_view(exact.data(), exact.size()), &filter));
    BloomFilter unaligned;
    ASSERT_TRUE(BloomFilter::Parse(std::string_view(bytes).substr(1), &unaligned));
    for (const uint64_t hash : {uint64_t{0}, UINT64_MAX, uint64_t{random()}}) {
      ASSERT_EQ(filter.MayContain(hash), unaligned.MayContain(hash));
    }
  }
}

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char byte : bytes) {
    hex += kDigits[static_cast<uint8_t>(byte) >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

// The format is frozen: these bytes, made by another program after the description, never change.
TEST(Bloom, GoldenBytes) {
  const auto two_keys = [](double bits_per_key) {
    BloomBuilder builder(bits_per_key);
    builder.Add(0x0123456789abcdef);
    builder.Add(0xfedcba9876543210);
    return Hex(builder.Finish());
  };
  EXPECT_EQ(two_keys(10),
            "00000000000000000000000000000008000000280000000800001000000008000000000000000000"
            "0000010000000200000000004000000000000010002100000100000006000000");
  EXPECT_EQ(two_keys(24),
            "0000000000000400100008000001000c0000002a0000000800001000000008000000000000000000"
            "000011000408020000000004420000000000001000210000010000000c000000");
  const auto sum_of_many_lines = [](double bits_per_key) {
    BloomBuilder builder(bits_per_key);
    for (uint64_t i = 0; i < 1000; ++i) builder.Add(i * 0x5851f42d4c957f2d);
    return Checksum64(builder.Finish(), 0);
  };
  EXPECT_EQ(sum_of_many_lines(7.5), 17518411695396895013u);
  EXPECT_EQ(sum_of_many_lines(24), 12268971749747508625u);
}

}  // namespace
}  // namespace lsm
