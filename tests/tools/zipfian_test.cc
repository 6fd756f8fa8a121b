#include "tools/cli/zipfian.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "tools/cli/random.h"

namespace lsm::cli {
namespace {

TEST(ZipfianTest, RanksStayInBoundsForSmallNumbersToo) {
  Random random(5);
  for (uint64_t n = 1; n <= 20; ++n) {
    const Zipfian zipfian(n);
    EXPECT_EQ(zipfian.Rank(0), 0u);
    EXPECT_LT(zipfian.Rank(std::nextafter(1.0, 0.0)), n);
    for (int i = 0; i < 1000; ++i) ASSERT_LT(zipfian.Rank(random.Unit()), n);
  }
}

TEST(ZipfianTest, RanksGrowWithTheQuantile) {
  const Zipfian zipfian(1000);
  uint64_t last = 0;
  for (int i = 0; i < 10000; ++i) {
    const uint64_t rank = zipfian.Rank(i / 10000.0);
    ASSERT_GE(rank, last);
    last = rank;
  }
  EXPECT_GT(last, 900u);
}

// The first two ranks are drawn exactly by the method, the others closely.
TEST(ZipfianTest, FrequenciesFollowThePowerLaw) {
  constexpr uint64_t kRanks = 1000;
  constexpr int kDraws = 1'000'000;
  double zeta = 0;
  for (uint64_t i = 1; i <= kRanks; ++i) zeta += std::pow(static_cast<double>(i), -kYcsbTheta);
  const Zipfian zipfian(kRanks);
  Random random(11);
  std::vector<int> counts(kRanks);
  for (int i = 0; i < kDraws; ++i) ++counts[zipfian.Rank(random.Unit())];
  EXPECT_NEAR(counts[0], kDraws / zeta, kDraws * 0.002);
  EXPECT_NEAR(counts[1], kDraws / zeta * std::pow(2.0, -kYcsbTheta), kDraws * 0.002);
  int head = 0;
  double expected_head = 0;
  for (uint64_t i = 0; i < 100; ++i) {
    head += counts[i];
    expected_head += kDraws / zeta * std::pow(static_cast<double>(i + 1), -kYcsbTheta);
  }
  EXPECT_NEAR(head, expected_head, kDraws * 0.02);
}

TEST(RandomTest, StaysBelowAndReachesAll) {
  Random random(1);
  std::vector<int> seen(7);
  for (int i = 0; i < 1000; ++i) ++seen[random.Below(7)];
  for (const int count : seen) EXPECT_GT(count, 90);
  for (int i = 0; i < 1000; ++i) {
    const double unit = random.Unit();
    ASSERT_TRUE(unit >= 0 && unit < 1);
  }
}

}  // namespace
}  // namespace lsm::cli
