#include "tools/cli/progress.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>

namespace lsm::cli {
namespace {

constexpr uint64_t kSecond = 1'000'000;

TEST(RateMeterTest, NothingBeforeTimeHasPassed) {
  RateMeter meter;
  EXPECT_FALSE(meter.rate());
  meter.Update(0, 0);
  EXPECT_FALSE(meter.rate());
  meter.Update(0, 100);
  EXPECT_FALSE(meter.rate());
  EXPECT_FALSE(meter.SecondsLeft(100));
}

TEST(RateMeterTest, SteadyWork) {
  RateMeter meter;
  for (uint64_t i = 0; i <= 50; ++i) meter.Update(i * kSecond / 10, i * 100);
  EXPECT_DOUBLE_EQ(*meter.rate(), 1000);
  EXPECT_DOUBLE_EQ(*meter.SecondsLeft(10000), 5);
  EXPECT_DOUBLE_EQ(*meter.SecondsLeft(1), 0);
}

TEST(RateMeterTest, OnlyTheLastTenSecondsCount) {
  RateMeter meter;
  for (uint64_t i = 0; i <= 60; ++i) meter.Update(i * kSecond, i * 1'000'000);
  for (uint64_t i = 1; i <= 20; ++i) meter.Update((60 + i) * kSecond, 60'000'000 + i * 10);
  EXPECT_NEAR(*meter.rate(), 10, 0.01);
}

TEST(RateMeterTest, ManyUpdatesKeepLittle) {
  RateMeter meter;
  for (uint64_t i = 0; i <= 3'000'000; ++i) meter.Update(i, i);
  EXPECT_NEAR(*meter.rate(), 1e6, 1);
}

TEST(RateMeterTest, StalledWorkHasNoEnd) {
  RateMeter meter;
  meter.Update(0, 5);
  meter.Update(20 * kSecond, 5);
  EXPECT_DOUBLE_EQ(*meter.rate(), 0);
  EXPECT_FALSE(meter.SecondsLeft(10));
}

TEST(RateMeterTest, ANewPhaseStartsAfresh) {
  RateMeter meter;
  meter.Update(0, 0);
  meter.Update(kSecond, 1000);
  meter.Update(2 * kSecond, 0);
  EXPECT_FALSE(meter.rate());
  meter.Update(3 * kSecond, 50);
  EXPECT_DOUBLE_EQ(*meter.rate(), 50);
}

TEST(RenderBarTest, ShowsPartRateAndTimeLeft) {
  RateMeter meter;
  meter.Update(0, 0);
  meter.Update(kSecond, 1024);
  const ProgressState state{
      .phase = "merge", .bytes_done = 1024, .bytes_total = 4096, .rows_done = 1234};
  EXPECT_EQ(
      RenderBar("compact", state, meter, 100),
      "compact merge  [######-------------------]   25%  1.0 KiB/4.0 KiB  1,234 rows  1.0 KiB/s  "
      "3.0s left");
}

TEST(RenderBarTest, NeverFillsTheLineAndNeedsNoTotal) {
  const RateMeter meter;
  for (uint32_t columns = 1; columns <= 200; ++columns) {
    for (const uint64_t total : {uint64_t{0}, uint64_t{10}, UINT64_MAX}) {
      const ProgressState state{.phase = "x", .bytes_done = 7, .bytes_total = total};
      ASSERT_LT(RenderBar("load", state, meter, columns).size(), columns);
    }
  }
  // More done than there was to do is all of it.
  EXPECT_NE(RenderBar("load", {.bytes_done = 20, .bytes_total = 10}, meter, 80).find("100%"),
            std::string::npos);
}

TEST(RenderProgressJsonTest, IsOneLineOfJson) {
  RateMeter meter;
  const ProgressState state{.phase = "merge", .bytes_done = 1, .bytes_total = 3, .rows_done = 2};
  auto json = nlohmann::json::parse(RenderProgressJson("compact", state, meter));
  EXPECT_EQ(json["progress"], "compact");
  EXPECT_EQ(json["bytes_total"], 3);
  EXPECT_TRUE(json["bytes_per_second"].is_null());
  EXPECT_TRUE(json["seconds_left"].is_null());
  meter.Update(0, 0);
  meter.Update(kSecond, 1);
  json = nlohmann::json::parse(RenderProgressJson("compact", state, meter));
  EXPECT_EQ(json["bytes_per_second"], 1);
  EXPECT_EQ(json["seconds_left"], 2.0);
}

}  // namespace
}  // namespace lsm::cli
