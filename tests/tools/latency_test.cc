#include "tools/cli/latency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tools/cli/random.h"

namespace lsm::cli {
namespace {

TEST(LatencyHistogramTest, EmptyIsZero) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.QuantileNanos(0.5), 0u);
  EXPECT_EQ(histogram.max_nanos(), 0u);
}

TEST(LatencyHistogramTest, SmallValuesAreExact) {
  LatencyHistogram histogram;
  for (uint64_t nanos = 1; nanos <= 100; ++nanos) histogram.Record(nanos);
  EXPECT_EQ(histogram.QuantileNanos(0), 1u);
  EXPECT_EQ(histogram.QuantileNanos(0.5), 50u);
  EXPECT_EQ(histogram.QuantileNanos(0.99), 99u);
  EXPECT_EQ(histogram.QuantileNanos(1), 100u);
}

TEST(LatencyHistogramTest, TakesTheWholeRange) {
  LatencyHistogram histogram;
  for (int bit = 0; bit < 64; ++bit) {
    histogram.Record(uint64_t{1} << bit);
    histogram.Record((uint64_t{1} << bit) - 1);
  }
  histogram.Record(UINT64_MAX);
  EXPECT_EQ(histogram.count(), 129u);
  EXPECT_EQ(histogram.QuantileNanos(1), UINT64_MAX);
}

TEST(LatencyHistogramTest, QuantilesStayWithinABucketOfTheTruth) {
  Random random(3);
  LatencyHistogram histogram;
  LatencyHistogram other;
  std::vector<uint64_t> all;
  for (int i = 0; i < 100000; ++i) {
    const uint64_t nanos = random.Next() >> (random.Below(63) + 1);
    all.push_back(nanos);
    (i % 2 == 0 ? histogram : other).Record(nanos);
  }
  histogram.Merge(other);
  std::sort(all.begin(), all.end());
  for (const double quantile : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto index = static_cast<size_t>(quantile * static_cast<double>(all.size())) - 1;
    const uint64_t truth = all[index];
    EXPECT_GE(histogram.QuantileNanos(quantile), truth);
    EXPECT_LE(histogram.QuantileNanos(quantile), truth + truth / 64 + 1);
  }
  EXPECT_EQ(histogram.max_nanos(), all.back());
}

TEST(LatencyHistogramTest, CountsSeveralAtOnce) {
  LatencyHistogram histogram;
  histogram.Record(10, 99);
  histogram.Record(1000, 1);
  EXPECT_EQ(histogram.QuantileNanos(0.99), 10u);
  EXPECT_EQ(histogram.QuantileNanos(0.999), 1000u);
}

}  // namespace
}  // namespace lsm::cli
