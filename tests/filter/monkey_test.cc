#include "lsm/filter/monkey.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/base/hash.h"
#include "lsm/filter/bloom.h"

namespace lsm {
namespace {

double Rate(double bits) { return std::exp(-kFilterRateExponent * bits); }

double TotalBits(const std::vector<uint64_t>& keys, const std::vector<double>& bits) {
  double total = 0;
  for (size_t i = 0; i < keys.size(); ++i) total += static_cast<double>(keys[i]) * bits[i];
  return total;
}

double TotalKeys(const std::vector<uint64_t>& keys) {
  double total = 0;
  for (const uint64_t count : keys) total += static_cast<double>(count);
  return total;
}

TEST(Monkey, NoRunsNoBits) { EXPECT_TRUE(MonkeyFilterBits({}, 10).empty()); }

TEST(Monkey, OneRunGetsTheAverage) {
  for (const double average : {0.1, 1.0, 10.0, 23.9}) {
    const std::vector<double> bits = MonkeyFilterBits(std::vector<uint64_t>{12345}, average);
    ASSERT_EQ(bits.size(), 1u);
    EXPECT_NEAR(bits[0], average, 1e-6);
  }
}

TEST(Monkey, EqualRunsGetEqualBits) {
  const std::vector<double> bits = MonkeyFilterBits(std::vector<uint64_t>{7, 7, 7}, 10);
  for (const double each : bits) EXPECT_NEAR(each, 10, 1e-6);
}

TEST(Monkey, RatesAreProportionalToRunSizes) {
  const std::vector<uint64_t> keys = {1'000, 10'000, 100'000, 1'000'000};
  const std::vector<double> bits = MonkeyFilterBits(keys, 6);
  const double proportion = Rate(bits.back()) / static_cast<double>(keys.back());
  for (size_t i = 0; i < keys.size(); ++i) {
    ASSERT_GT(bits[i], 0);
    ASSERT_LT(bits[i], kMaxFilterBits);
    EXPECT_NEAR(Rate(bits[i]) / static_cast<double>(keys[i]) / proportion, 1, 1e-6);
  }
  EXPECT_NEAR(TotalBits(keys, bits), 6 * TotalKeys(keys), 1);
}

TEST(Monkey, TheLargestRunMayGoWithout) {
  const std::vector<uint64_t> keys = {1'000, 1'000'000'000};
  const std::vector<double> bits = MonkeyFilterBits(keys, 1e-6);
  EXPECT_EQ(bits[1], 0);
  EXPECT_NEAR(bits[0], 1, 1e-3);
}

TEST(Monkey, NoRunPassesTheCap) {
  const std::vector<uint64_t> keys = {0, 1, 1'000'000'000'000};
  const std::vector<double> bits = MonkeyFilterBits(keys, 10);
  EXPECT_EQ(bits[0], kMaxFilterBits);
  EXPECT_EQ(bits[1], kMaxFilterBits);
  EXPECT_NEAR(bits[2], 10, 1e-6);
  for (const double each : MonkeyFilterBits(keys, 1000)) EXPECT_NEAR(each, kMaxFilterBits, 1e-9);
}

TEST(Monkey, AverageOfNothingGivesNothing) {
  for (const double each : MonkeyFilterBits(std::vector<uint64_t>{0, 5, 50}, 0)) EXPECT_EQ(each, 0);
}

TEST(Monkey, RunsWithoutKeysAloneGetTheCap) {
  for (const double each : MonkeyFilterBits(std::vector<uint64_t>{0, 0}, 3)) {
    EXPECT_EQ(each, kMaxFilterBits);
  }
}

// Moving bits from any run to any other makes the sum of the rates no smaller.
TEST(Monkey, NoExchangeOfBitsIsBetter) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<uint64_t> keys(1 + random() % 8);
    for (uint64_t& count : keys) count = 1 + random() % (uint64_t{1} << (1 + random() % 40));
    const double average = static_cast<double>(random() % 2400) / 100;
    const std::vector<double> bits = MonkeyFilterBits(keys, average);
    ASSERT_NEAR(TotalBits(keys, bits) / TotalKeys(keys), average, 1e-6);
    for (size_t from = 0; from < keys.size(); ++from) {
      ASSERT_GE(bits[from], 0);
      ASSERT_LE(bits[from], kMaxFilterBits);
      for (size_t to = 0; to < keys.size(); ++to) {
        // A thousandth of a bit a key of the larger run, as far as the bounds allow.
        const double larger = static_cast<double>(std::max(keys[from], keys[to]));
        const double less = 1e-3 * larger / static_cast<double>(keys[from]);
        const double more = 1e-3 * larger / static_cast<double>(keys[to]);
        if (bits[from] - less < 0 || bits[to] + more > kMaxFilterBits) continue;
        const double before = Rate(bits[from]) + Rate(bits[to]);
        ASSERT_GE(Rate(bits[from] - less) + Rate(bits[to] + more), before * (1 - 1e-9));
      }
    }
  }
}

// The point of it, with real filters: fewer false positives in all for the same memory.
TEST(Monkey, RealFiltersOfThatSizeAnswerBetterThanEvenOnes) {
  const std::vector<uint64_t> keys = {2'000, 20'000, 200'000};
  const auto sum_of_rates = [&](const std::vector<double>& bits, uint64_t* memory) {
    constexpr uint64_t kQueries = 300'000;
    uint64_t found = 0;
    uint64_t next = 0;
    const auto hash = [&next] {
      ++next;
      return HashKey(std::string_view(reinterpret_cast<const char*>(&next), sizeof(next)));
    };
    for (size_t run = 0; run < keys.size(); ++run) {
      BloomBuilder builder(bits[run]);
      for (uint64_t i = 0; i < keys[run]; ++i) builder.Add(hash());
      const std::string bytes = builder.Finish();
      *memory += bytes.size();
      BloomFilter filter;
      EXPECT_TRUE(BloomFilter::Parse(bytes, &filter));
      for (uint64_t i = 0; i < kQueries; ++i) found += filter.MayContain(hash());
    }
    return static_cast<double>(found) / kQueries;
  };
  uint64_t even_memory = 0;
  uint64_t monkey_memory = 0;
  const double even = sum_of_rates({8, 8, 8}, &even_memory);
  const double monkey = sum_of_rates(MonkeyFilterBits(keys, 8), &monkey_memory);
  EXPECT_LE(monkey_memory, even_memory + 64 * keys.size());
  EXPECT_LT(monkey, 0.6 * even);
}

}  // namespace
}  // namespace lsm
