// The whole engine under seeded schedules: every answer is explained, nobody waits for ever, and
// the same seed is the same schedule (engine_schedule.h).
//
// LSM_TEST_SEED=N: the schedules from seed N on. LSM_TEST_SCALE=N: N times as many. A failure says
// how to repeat it.

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/db/db_testing.h"
#include "tests/sched/engine_schedule.h"

namespace lsm {
namespace {

constexpr uint64_t kGroups = 20;
constexpr uint64_t kSeedsPerGroup = 250;

// The seed at hand, for a crash.
volatile uint64_t current_seed = 0;

std::string HowToRepeat(uint64_t seed) {
  return absl::StrCat("bazel test --config=sched --test_env=LSM_TEST_SEED=", seed,
                      " --test_filter='*/0' //tests/sched:interleaving_test");
}

void TellSeedAndDie(int signal) {
  std::fprintf(stderr, "signal %d; to repeat:\n%s\n", signal, HowToRepeat(current_seed).c_str());
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// Threads take a slot each for their guards, of a list that only grows: with all there from the
// start, every schedule finds the list alike.
void TakeAllEpochSlots() {
  SeededScheduler scheduler({.seed = 0});
  size_t inside = 0;
  scheduler.Run([&] {
    for (size_t i = 0; i + 1 < SeededScheduler::kMaxThreads; ++i) {
      scheduler.Spawn("guard", [&inside] {
        EpochGuard guard;
        ++inside;
        while (inside + 1 < SeededScheduler::kMaxThreads) BackOff(absl::Microseconds(1));
      });
    }
  });
}

class Preparation : public testing::Environment {
 public:
  void SetUp() override {
    TakeAllEpochSlots();
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
      std::signal(signal, &TellSeedAndDie);
    }
  }
};
[[maybe_unused]] const testing::Environment* const preparation =
    testing::AddGlobalTestEnvironment(new Preparation);

class InterleavingTest : public testing::TestWithParam<uint64_t> {};

TEST_P(InterleavingTest, EveryAnswerIsExplained) {
  const uint64_t count = kSeedsPerGroup * TestScale() / kSanitizerSlowness;
  const uint64_t first = FirstSeed() + GetParam() * count;
  uint64_t steps = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    current_seed = seed;
    EngineSchedule schedule(seed, HowToRepeat(seed));
    schedule.Run();
    ASSERT_EQ(schedule.failure(), "") << "to repeat:\n" << HowToRepeat(seed);
    steps += schedule.steps();
  }
  std::printf("%llu schedules of %llu steps on average\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(steps / count));
}

INSTANTIATE_TEST_SUITE_P(Seeds, InterleavingTest, testing::Range(uint64_t{0}, kGroups));

TEST(InterleavingDeterminismTest, TheSameSeedIsTheSameSchedule) {
  std::vector<uint64_t> traces;
  for (const bool again : {false, true}) {
    for (uint64_t seed = FirstSeed(); seed < FirstSeed() + 20; ++seed) {
      current_seed = seed;
      EngineSchedule schedule(seed, HowToRepeat(seed));
      schedule.Run();
      if (!again) {
        traces.push_back(schedule.trace_hash());
      } else {
        EXPECT_EQ(schedule.trace_hash(), traces[seed - FirstSeed()]) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace lsm
