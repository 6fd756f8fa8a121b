// The judge is judged: histories that an order explains, and histories that none does.

#include "tests/sched/history.h"

#include <random>

#include "gtest/gtest.h"

namespace lsm {
namespace {

Operation Write(uint64_t begin, uint64_t end, std::string value) {
  return {.begin = begin, .end = end, .is_write = true, .value = std::move(value)};
}
Operation Read(uint64_t begin, uint64_t end, std::string value) {
  return {.begin = begin, .end = end, .value = std::move(value)};
}
Operation Perhaps(uint64_t begin, uint64_t end, std::string value) {
  Operation operation = Write(begin, end, std::move(value));
  operation.is_certain = false;
  return operation;
}

TEST(HistoryTest, OneAfterTheOther) {
  EXPECT_TRUE(IsLinearizable({}, kNone));
  EXPECT_TRUE(IsLinearizable({Read(1, 2, kNone), Write(3, 4, "a"), Read(5, 6, "a")}, kNone));
  EXPECT_FALSE(IsLinearizable({Read(1, 2, "a")}, kNone));
  EXPECT_FALSE(IsLinearizable({Write(1, 2, "a"), Read(3, 4, kNone)}, kNone)) << "a lost write";
  EXPECT_FALSE(IsLinearizable({Write(1, 2, "a"), Write(3, 4, "b"), Read(5, 6, "a")}, kNone))
      << "an old value";
  EXPECT_FALSE(IsLinearizable({Read(1, 2, "a"), Write(3, 4, "a")}, kNone)) << "ahead of its time";
}

TEST(HistoryTest, SideBySide) {
  for (const char* const seen : {kNone, "a"}) {
    EXPECT_TRUE(IsLinearizable({Write(1, 4, "a"), Read(2, 3, seen), Read(5, 6, "a")}, kNone));
  }
  for (const char* const last : {"a", "b"}) {
    EXPECT_TRUE(IsLinearizable({Write(1, 4, "a"), Write(2, 3, "b"), Read(5, 6, last)}, kNone));
  }
  // Whoever saw the new value was not alone.
  EXPECT_FALSE(IsLinearizable({Write(1, 8, "a"), Read(2, 3, "a"), Read(4, 5, kNone)}, kNone));
  // Two readers that saw two writes in different orders.
  EXPECT_FALSE(IsLinearizable(
      {Write(1, 20, "a"), Write(2, 21, "b"), Read(3, 4, "a"), Read(5, 6, "b"), Read(7, 8, "a")},
      kNone));
  EXPECT_FALSE(IsLinearizable(
      {Write(1, 4, "a"), Write(2, 3, "b"), Read(5, 6, "a"), Read(7, 8, "b")}, kNone));
}

TEST(HistoryTest, DeletionsAndEqualValues) {
  EXPECT_TRUE(IsLinearizable({Write(1, 2, "a"), Write(3, 4, kNone), Read(5, 6, kNone)}, kNone));
  EXPECT_FALSE(IsLinearizable({Write(1, 2, "a"), Write(3, 4, kNone), Read(5, 6, "a")}, kNone));
  // The second deletion is one order's reason for the last answer.
  EXPECT_TRUE(IsLinearizable({Write(1, 2, kNone), Write(3, 10, "a"), Write(4, 11, kNone),
                              Read(5, 6, "a"), Read(7, 8, kNone)},
                             kNone));
}

TEST(HistoryTest, WhatMayHaveHappened) {
  for (const char* const seen : {"a", "b"}) {
    EXPECT_TRUE(IsLinearizable({Write(1, 2, "a"), Perhaps(3, 4, "b"), Read(5, 6, seen)}, kNone));
  }
  EXPECT_TRUE(IsLinearizable(
      {Write(1, 2, "a"), Perhaps(3, 4, "b"), Read(5, 6, "a"), Read(7, 8, "b")}, kNone))
      << "late";
  EXPECT_FALSE(IsLinearizable(
      {Write(1, 2, "a"), Perhaps(3, 4, "b"), Read(5, 6, "b"), Read(7, 8, "a")}, kNone))
      << "it has happened for good";
  EXPECT_FALSE(IsLinearizable({Perhaps(3, 4, "b"), Read(1, 2, "b")}, kNone));
}

// Random true histories are explained; with one answer changed to what was never there, or to what
// was overwritten long before, they are not.
TEST(HistoryTest, RandomHistories) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::vector<Operation> operations;
    std::string value = kNone;
    for (uint64_t i = 1; i <= 60; ++i) {
      // It happens at 10 i, and begins and ends up to three operations away.
      const uint64_t begin = 10 * i - random() % std::min<uint64_t>(10 * i, 30);
      const uint64_t end = 10 * i + 1 + random() % 30;
      if (random() % 2 == 0) {
        value = random() % 4 == 0 ? kNone : std::to_string(i);
        operations.push_back(Write(begin, end, value));
      } else {
        operations.push_back(Read(begin, end, value));
      }
    }
    EXPECT_TRUE(IsLinearizable(operations, kNone));
    operations.push_back(Write(1000, 1001, "last"));
    operations.push_back(Read(1002, 1003, "last"));
    EXPECT_TRUE(IsLinearizable(operations, kNone));
    for (const char* const wrong : {"never", kNone, "1"}) {
      operations.back().value = wrong;
      EXPECT_FALSE(IsLinearizable(operations, kNone));
    }
  }
}

TEST(HistoryTest, KeysAreJudgedOneByOne) {
  History history;
  const auto add = [&history](const std::string& key, bool is_write, std::string value) {
    const uint64_t begin = history.Now();
    history.Add(
        key,
        {.begin = begin, .end = history.Now(), .is_write = is_write, .value = std::move(value)});
  };
  add("x", true, "a");
  add("y", false, kNone);
  EXPECT_EQ(history.Check(), "");
  add("y", false, "a");
  EXPECT_NE(history.Check().find("happened to y"), std::string::npos) << history.Check();
}

}  // namespace
}  // namespace lsm
