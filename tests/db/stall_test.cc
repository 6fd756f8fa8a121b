#include "lsm/db/stall.h"

#include "gtest/gtest.h"

namespace lsm {
namespace {

constexpr uint64_t kAllowedRuns = 4;

StallInput At(uint64_t immutable, double fill, uint64_t runs) {
  return {.immutable_memtables = immutable,
          .max_immutable_memtables = 2,
          .active_fill = fill,
          .flushed_runs = runs,
          .max_flushed_runs = kAllowedRuns};
}

TEST(StallTest, NothingIsSlowedWhileTheBackgroundKeepsUp) {
  for (uint64_t immutable = 0; immutable < 2; ++immutable) {
    for (double fill = 0; fill <= 1; fill += 0.1) {
      for (uint64_t runs = 0; runs <= 12; ++runs) {
        EXPECT_EQ(StallNanosPerKiB(At(immutable, fill, runs)), 0u);
      }
    }
  }
  EXPECT_EQ(StallNanosPerKiB(At(2, 0.5, 0)), 0u);
}

TEST(StallTest, GrowsWithEachCauseAndNeverFalls) {
  for (uint64_t immutable = 0; immutable <= 3; ++immutable) {
    for (int fill = 0; fill <= 100; ++fill) {
      for (uint64_t runs = 0; runs <= 50; ++runs) {
        const uint64_t here = StallNanosPerKiB(At(immutable, fill / 100.0, runs));
        EXPECT_LE(here, StallNanosPerKiB(At(immutable + 1, fill / 100.0, runs)));
        EXPECT_LE(here, StallNanosPerKiB(At(immutable, (fill + 1) / 100.0, runs)));
        EXPECT_LE(here, StallNanosPerKiB(At(immutable, fill / 100.0, runs + 1)));
      }
    }
  }
}

TEST(StallTest, GrowsWithoutJumps) {
  const uint64_t full = StallNanosPerKiB(At(2, 1.0, 0));
  ASSERT_GT(full, 0u);
  for (int fill = 0; fill < 1000; ++fill) {
    const uint64_t step =
        StallNanosPerKiB(At(2, (fill + 1) / 1000.0, 0)) - StallNanosPerKiB(At(2, fill / 1000.0, 0));
    EXPECT_LE(step, full / 100);
  }
  for (uint64_t runs = 0; runs < 40; ++runs) {
    const uint64_t step = StallNanosPerKiB(At(0, 0, runs + 1)) - StallNanosPerKiB(At(0, 0, runs));
    EXPECT_LE(step, full / 8);
  }
}

// The stop is the last resort: the delay is at its longest well before.
TEST(StallTest, StopsOnlyBehindTheLongestDelay) {
  const uint64_t full = StallNanosPerKiB(At(2, 1.0, 0));
  uint64_t runs = 0;
  while (!MustStopForRuns(runs, kAllowedRuns)) ++runs;
  EXPECT_EQ(StallNanosPerKiB(At(0, 0, runs / 2)), full);
  EXPECT_LE(runs, 100u);
  EXPECT_TRUE(MustStopForRuns(UINT64_MAX, kAllowedRuns));
}

// However far behind: writers crawl, they do not hang.
TEST(StallTest, TheDelayIsBounded) {
  const uint64_t full = StallNanosPerKiB(At(2, 1.0, 0));
  EXPECT_EQ(StallNanosPerKiB(At(0, 0, 1'000'000)), full);
  EXPECT_EQ(StallNanosPerKiB(At(9, 7.5, UINT64_MAX)), full);
  EXPECT_LE(full, 100'000u);
}

}  // namespace
}  // namespace lsm
