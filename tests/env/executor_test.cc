// The executor: order, drain, signals.

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <vector>

#include "absl/synchronization/barrier.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "tests/env/env_test_util.h"

namespace lsm {
namespace {

std::unique_ptr<Executor> MustMakeExecutor(uint64_t threads) {
  Result<std::unique_ptr<Executor>> executor =
      Env::Posix()->NewExecutor("lsm-test-with-a-long-name", threads);
  EXPECT_OK(executor.status());
  return executor.Take();
}

TEST(ExecutorTest, OneThreadKeepsTheOrder) {
  std::vector<int> ran;
  {
    const std::unique_ptr<Executor> executor = MustMakeExecutor(1);
    for (int i = 0; i < 1000; ++i) executor->Schedule([&ran, i] { ran.push_back(i); });
  }
  std::vector<int> expected(1000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(ran, expected);
}

TEST(ExecutorTest, EndsOnlyWhenAllIsDoneEvenWhatWorkSchedules) {
  std::atomic<int> done{0};
  {
    // Made first, so that it outlives the threads that wait for it.
    absl::Notification may_run;
    const std::unique_ptr<Executor> executor = MustMakeExecutor(3);
    for (int i = 0; i < 20; ++i) {
      executor->Schedule([&] {
        may_run.WaitForNotification();
        executor->Schedule([&] {
          executor->Schedule([&] { ++done; });
          ++done;
        });
        ++done;
      });
    }
    may_run.Notify();
  }
  EXPECT_EQ(done, 60);
}

TEST(ExecutorTest, ThreadsWorkAtTheSameTime) {
  constexpr int kThreads = 4;
  // Passed only by four that wait for one another.
  auto* const barrier = new absl::Barrier(kThreads);
  const std::unique_ptr<Executor> executor = MustMakeExecutor(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    executor->Schedule([barrier] {
      if (barrier->Block()) delete barrier;
    });
  }
}

TEST(ExecutorTest, IdleThreadsWakeForNewWork) {
  const std::unique_ptr<Executor> executor = MustMakeExecutor(2);
  for (int i = 0; i < 100; ++i) {
    absl::Notification ran;
    executor->Schedule([&ran] { ran.Notify(); });
    ran.WaitForNotification();
  }
}

TEST(ExecutorTest, ItsThreadsTakeNoSignalsAndTheCallersMaskIsKept) {
  sigset_t before;
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &before), 0);
  sigset_t inside;
  MustMakeExecutor(1)->Schedule([&inside] { pthread_sigmask(SIG_SETMASK, nullptr, &inside); });
  sigset_t after;
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &after), 0);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD, SIGPROF, SIGURG}) {
    EXPECT_EQ(sigismember(&inside, signal), 1) << signal;
    EXPECT_EQ(sigismember(&after, signal), sigismember(&before, signal)) << signal;
  }
}

TEST(ExecutorTest, NeedsAThread) {
  EXPECT_TRUE(Env::Posix()->NewExecutor("none", 0).status().Is(Code::kInvalidArgument));
}

}  // namespace
}  // namespace lsm
