// The scheduler: the same seed is the same schedule, correct programs pass, known bugs are found.

#include "tests/sched/scheduler.h"

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace lsm {
namespace {

constexpr uint64_t kSeeds = 300;

struct Outcome {
  uint64_t trace = 0;
  uint64_t steps = 0;
};

// Runs the bodies side by side.
Outcome RunThreads(uint64_t seed, const std::vector<std::function<void()>>& bodies) {
  SeededScheduler scheduler({.seed = seed, .expected_steps = 30, .max_steps = 10'000});
  scheduler.Run([&] {
    for (const auto& body : bodies) scheduler.Spawn("worker", body);
  });
  return {scheduler.trace_hash(), scheduler.steps()};
}

// Whether a counter that is read and then written loses an update under this seed.
bool LosesAnUpdate(uint64_t seed) {
  int counter = 0;
  const auto count = [&counter] {
    const int before = counter;
    SchedulePoint();
    counter = before + 1;
  };
  (void)RunThreads(seed, {count, count});
  return counter != 2;
}

TEST(SchedulerTest, LocksExcludeAndEveryThreadGetsItsTurn) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Mutex mutex;
    CondVar turned;
    int counter = 0;
    const auto count = [&](int remainder) {
      for (int i = 0; i < 5; ++i) {
        MutexLock lock(&mutex);
        while (counter % 3 != remainder) turned.Wait(&mutex);
        const int before = counter;
        SchedulePoint();
        counter = before + 1;
        turned.SignalAll();
      }
    };
    (void)RunThreads(seed, {[&] { count(0); }, [&] { count(1); }, [&] { count(2); }});
    ASSERT_EQ(counter, 15) << "seed " << seed;
  }
}

TEST(SchedulerTest, AwaitWaitsForItsCondition) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Mutex mutex;
    bool ready = false;
    bool seen = false;
    const auto await = [&] {
      MutexLock lock(&mutex);
      mutex.Await(absl::Condition(&ready));
      seen = ready;
    };
    const auto set = [&] {
      MutexLock lock(&mutex);
      ready = true;
    };
    (void)RunThreads(seed, {await, set});
    ASSERT_TRUE(seen) << "seed " << seed;
  }
}

TEST(SchedulerTest, TheSameSeedIsTheSameSchedule) {
  std::set<uint64_t> traces;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto run = [seed] {
      Mutex mutex;
      const auto work = [&mutex] {
        for (int i = 0; i < 4; ++i) {
          MutexLock lock(&mutex);
          SchedulePoint();
        }
      };
      return RunThreads(seed, {work, work, work});
    };
    const Outcome first = run();
    const Outcome second = run();
    ASSERT_EQ(first.trace, second.trace) << "seed " << seed;
    ASSERT_EQ(first.steps, second.steps) << "seed " << seed;
    traces.insert(first.trace);
  }
  EXPECT_GT(traces.size(), kSeeds / 2) << "seeds hardly differ";
}

TEST(SchedulerTest, TimedWaitsEndWhereNobodySignals) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Mutex mutex;
    CondVar never;
    int timeouts = 0;
    const auto wait = [&] {
      MutexLock lock(&mutex);
      timeouts += never.WaitWithTimeout(&mutex, absl::Seconds(1)) ? 1 : 0;
    };
    (void)RunThreads(seed, {wait, wait});
    ASSERT_EQ(timeouts, 2) << "seed " << seed;
  }
}

TEST(SchedulerTest, WhoPollsLetsOthersRun) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    std::atomic<bool> ready = false;
    (void)RunThreads(seed, {[&] {
                              while (!ready) BackOff(absl::Microseconds(1));
                            },
                            [&] {
                              SchedulePoint();
                              ready = true;
                            }});
  }
}

TEST(SchedulerTest, StacksAndThreadLocalsAreTheSameEachTime) {
  const auto address = [] {
    const void* place = nullptr;
    (void)RunThreads(1, {[&place] {
                       int local = 0;
                       place = &local;
                     }});
    return reinterpret_cast<uintptr_t>(place);
  };
  EXPECT_EQ(address(), address());

  // The destructor of a thread_local object is a part of the schedule.
  static std::atomic<int> alive{0};
  struct Counted {
    Counted() { ++alive; }
    ~Counted() { --alive; }
  };
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SeededScheduler scheduler({.seed = seed});
    scheduler.Run([&] {
      const auto thread = scheduler.Spawn("worker", [] {
        static thread_local Counted counted;
        EXPECT_GE(alive, 1);
        (void)counted;
      });
      scheduler.Join(thread);
      EXPECT_EQ(alive, 0);
    });
  }
}

TEST(SchedulerCanaryTest, ALostUpdateIsFound) {
  uint64_t found = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) found += LosesAnUpdate(seed) ? 1 : 0;
  EXPECT_GT(found, kSeeds / 20);
  EXPECT_LT(found, kSeeds) << "some schedules are harmless";
}

// --- bugs from which there is no way on: each seed until the process ends ---

template <typename MakeBodies>
void RunAllSeeds(MakeBodies run) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) run(seed);
  std::_Exit(0);
}

TEST(SchedulerCanaryTest, ADeadlockOfTwoLocksIsFound) {
  const auto run = [](uint64_t seed) {
    Mutex a;
    Mutex b;
    const auto lock_both = [](Mutex* first, Mutex* second) {
      MutexLock outer(first);
      MutexLock inner(second);
    };
    (void)RunThreads(seed, {[&] { lock_both(&a, &b); }, [&] { lock_both(&b, &a); }});
  };
  EXPECT_EXIT(RunAllSeeds(run), testing::ExitedWithCode(1),
              "deadlock.*worker waits for a lock at scheduler_test.cc:[0-9]+, held by "
              "worker, holds 1 locks");
}

TEST(SchedulerCanaryTest, ALostWakeUpIsFound) {
  const auto run = [](uint64_t seed) {
    Mutex mutex;
    CondVar changed;
    std::atomic<bool> ready{false};
    const auto wait = [&] {
      MutexLock lock(&mutex);
      while (!ready) changed.Wait(&mutex);
    };
    // Without the lock, so between the waiter's look and its sleep.
    const auto wake = [&] {
      ready = true;
      changed.SignalAll();
    };
    (void)RunThreads(seed, {wait, wake});
  };
  EXPECT_EXIT(RunAllSeeds(run), testing::ExitedWithCode(1),
              "deadlock.*worker waits for a signal at scheduler_test.cc");
}

// The kind of bug that a queue like db/write_queue.h is prone to: a leader that leaves looks
// whether somebody has joined, and leaves; who joins in between waits for ever.
class CarelessQueue {
 public:
  struct Writer {
    Writer* older = nullptr;
    bool done = false;
    bool leads = false;
  };

  // With `careful` it is correct.
  explicit CarelessQueue(bool careful) : careful_(careful) {}

  void Write() {
    Writer writer;
    Writer* newest = newest_.load();
    do {
      writer.older = newest;
      SchedulePoint();
    } while (!newest_.compare_exchange_weak(newest, &writer));
    if (newest != nullptr) {
      MutexLock lock(&mutex_);
      while (!writer.done && !writer.leads) changed_.Wait(&mutex_);
      if (writer.done) return;
    }
    Leave(&writer);
  }

 private:
  void Leave(Writer* leader) {
    Writer* newest = leader;
    if (careful_) {
      if (newest_.compare_exchange_strong(newest, nullptr)) return;
    } else {
      newest = newest_.load();
      SchedulePoint();
      if (newest == leader) {
        newest_.store(nullptr);
        return;
      }
    }
    while (newest->older != leader) newest = newest->older;
    MutexLock lock(&mutex_);
    newest->leads = true;
    changed_.SignalAll();
  }

  const bool careful_;
  std::atomic<Writer*> newest_{nullptr};
  Mutex mutex_;
  CondVar changed_;
};

void RunQueue(uint64_t seed, bool careful) {
  CarelessQueue queue(careful);
  const auto write = [&queue] {
    for (int i = 0; i < 3; ++i) queue.Write();
  };
  (void)RunThreads(seed, {write, write, write});
}

TEST(SchedulerCanaryTest, AWriterThatALeaderForgotIsFound) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) RunQueue(seed, /*careful=*/true);
  EXPECT_EXIT(RunAllSeeds([](uint64_t seed) { RunQueue(seed, /*careful=*/false); }),
              testing::ExitedWithCode(1), "deadlock");
}

TEST(SchedulerCanaryTest, WaitingForWhatNeverComesIsFound) {
  const auto run = [](uint64_t seed) {
    (void)RunThreads(seed, {[] {
                       while (true) BackOff(absl::Microseconds(1));
                     }});
  };
  EXPECT_EXIT(RunAllSeeds(run), testing::ExitedWithCode(1), "it goes on and on");
}

TEST(SchedulerCanaryTest, MisuseOfLocksIsFound) {
  const auto expect = [](const std::function<void()>& body, const char* text) {
    EXPECT_EXIT(RunAllSeeds([&](uint64_t seed) { (void)RunThreads(seed, {body}); }),
                testing::ExitedWithCode(1), text);
  };
  expect(
      [] {
        Mutex mutex;
        mutex.Unlock();
      },
      "unlocks what it does not hold");
  expect(
      [] {
        Mutex mutex;
        mutex.Lock();
        mutex.Lock();
      },
      "locks what it has locked");
  expect(
      [] {
        Mutex mutex;
        mutex.Lock();
      },
      "a mutex ends while it is held");
  expect(
      [] {
        static Mutex mutex;
        mutex.Lock();
      },
      "a thread ended with a lock held");
  const auto run = [](uint64_t seed) {
    Mutex mutex;
    bool waits = false;
    auto never = std::make_unique<CondVar>();
    const auto wait = [&, borrowed = never.get()] {
      MutexLock lock(&mutex);
      waits = true;
      borrowed->Wait(&mutex);
    };
    const auto end = [&] {
      while (!waits) BackOff(absl::Microseconds(1));
      MutexLock lock(&mutex);
      never.reset();
    };
    (void)RunThreads(seed, {wait, end});
  };
  EXPECT_EXIT(RunAllSeeds(run), testing::ExitedWithCode(1), "ends while a thread waits for it");
}

}  // namespace
}  // namespace lsm
