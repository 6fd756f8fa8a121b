#include "lsm/db/stats.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace lsm {
namespace {

TEST(StatsTest, CountersOfManyThreadsAddUp) {
  Stats stats;
  std::vector<std::thread> threads;
  for (int t = 0; t < 20; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        stats.Add(Counter::kGets);
        stats.Add(Counter::kFlushBytes, 3);
      }
      stats.AddLatency(Timed::kGet, 5);
    });
  }
  for (int i = 0; i < 1000; ++i) stats.AddSerial(Counter::kPuts, 2);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stats.Get(Counter::kGets), 20'000u);
  EXPECT_EQ(stats.Get(Counter::kFlushBytes), 60'000u);
  EXPECT_EQ(stats.Get(Counter::kPuts), 2'000u);
  EXPECT_EQ(stats.Get(Counter::kScans), 0u);
  EXPECT_EQ(stats.Samples(Timed::kGet), 20u);
  EXPECT_EQ(stats.Samples(Timed::kWrite), 0u);
}

// An upper bound within a quarter, over the whole range of microseconds to hours.
TEST(StatsTest, ALatencyIsGivenWithinAQuarter) {
  EXPECT_EQ(Stats().Latency(Timed::kGet, 0.99), 0u);
  for (uint64_t micros = 0; micros < 10'000'000'000; micros = micros * 21 / 20 + 1) {
    Stats stats;
    stats.AddLatency(Timed::kFlush, micros);
    const uint64_t told = stats.Latency(Timed::kFlush, 0.5);
    ASSERT_GT(told, micros);
    ASSERT_LE(told, micros + micros / 4 + 1) << micros;
  }
  Stats stats;
  stats.AddLatency(Timed::kFlush, UINT64_MAX);
  EXPECT_GT(stats.Latency(Timed::kFlush, 1), uint64_t{1} << 38);
}

TEST(StatsTest, QuantilesSplitTheSamples) {
  Stats stats;
  for (int i = 0; i < 99; ++i) stats.AddLatency(Timed::kWrite, 10);
  stats.AddLatency(Timed::kWrite, 100'000);
  EXPECT_LE(stats.Latency(Timed::kWrite, 0.5), 13u);
  EXPECT_LE(stats.Latency(Timed::kWrite, 0.99), 13u);
  EXPECT_GT(stats.Latency(Timed::kWrite, 0.999), 100'000u);
}

}  // namespace
}  // namespace lsm
