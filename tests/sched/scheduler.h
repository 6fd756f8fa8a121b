// SeededScheduler: real threads of which one runs at a time, and a seed decides which.
//
// A running thread may be exchanged for another at every lock, unlock, wait, signal and
// SchedulePoint(). Who goes on is decided in one of two ways, which the seed chooses:
// - PCT (Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs",
//   ASPLOS 2010): every thread has a random priority and the highest that can run does; at d-1
//   random steps the running thread falls below all others. With n threads and k steps a bug that
//   needs d orderings is found with probability 1/(n k^(d-1)) at least.
// - A random walk: at each step, with a probability of the seed's, any thread that can run.
//
// It keeps the books of the locks itself, so it knows when nobody can go on: that, more steps than
// a schedule can need, and a lock that is used wrongly are failures, whose text has every thread
// with what it holds and awaits. There is no way on from them: by default the process ends.
//
// A timed wait is over when the scheduler says so: now and then, and where nobody else can run.
// Time is counted, not measured. So a seed gives the same schedule each time, if the threads
// themselves are deterministic. Stacks lie at fixed places modulo kStackSize, as addresses may be
// hashed, and a thread has ended for others only when its thread_local objects are gone.

#ifndef LSM_TESTS_SCHED_SCHEDULER_H_
#define LSM_TESTS_SCHED_SCHEDULER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lsm/base/sync.h"

namespace lsm {

class SeededScheduler final : public Scheduler {
 public:
  static constexpr size_t kMaxThreads = 24;
  static constexpr size_t kStackSize = size_t{1} << 20;

  struct Options {
    uint64_t seed = 0;
    // About how many steps there will be: what the change points are spread over.
    uint64_t expected_steps = 1000;
    // More are a failure.
    uint64_t max_steps = 1'000'000;
    // Null: prints what happened with the seed and ends the process with exit code 1. Must not
    // return.
    std::function<void(const std::string&)> on_failure;
  };
  using ThreadId = size_t;

  explicit SeededScheduler(Options options);
  ~SeededScheduler();
  SeededScheduler(const SeededScheduler&) = delete;
  SeededScheduler& operator=(const SeededScheduler&) = delete;

  // Runs `main` and all that it starts until the last thread has ended. Once.
  void Run(std::function<void()> main);

  // --- for the threads that it runs ---
  ThreadId Spawn(std::string name, std::function<void()> body);
  // Each thread is joined once at most; Run() waits for the others.
  void Join(ThreadId id);
  // Microseconds that this schedule has taken.
  uint64_t NowMicros() { return ++now_micros_; }
  // What has happened so far, ordered by it.
  uint64_t steps() const { return steps_; }
  // Of every step: who, where. Equal for equal schedules.
  uint64_t trace_hash() const { return trace_hash_; }

  // --- Scheduler ---
  void Point(const Where& where) override;
  void Lock(const void* mutex, const Where& where) override;
  bool TryLock(const void* mutex, const Where& where) override;
  void Unlock(const void* mutex, const Where& where) override;
  void Await(const void* mutex, const absl::Condition& condition, const Where& where) override;
  bool Wait(const void* condition, const void* mutex, bool timed, const Where& where) override;
  void SignalAll(const void* condition, const Where& where) override;
  void Sleep(absl::Duration duration, const Where& where) override;
  void Forget(const void* lock) override;

 private:
  struct Thread;
  struct Event {
    const Thread* thread = nullptr;
    std::string_view what;
    Where where;
  };

  static void* ThreadMain(void* thread);
  void End();
  // One step of the running thread: others may run before it goes on.
  void Step(std::string_view what, const Where& where);
  // Hands over to another thread, if the running one cannot or is not to go on.
  void Reschedule(bool forced);
  Thread* Choose(bool forced);
  Thread* ChooseByPriority(bool forced);
  Thread* ChooseAtRandom(bool forced);
  // Ends one timed wait. False where there is none.
  bool FireTimeout();
  void Acquire(const void* mutex, const Where& where);
  void Release(const void* mutex, const Where& where);
  // Those that wait for it: a condition, a mutex or a thread.
  void WakeAll(const void* what);
  // Waits for what wakes it, as the state of the running thread says.
  void Block();
  [[noreturn]] void Fail(std::string_view what);
  std::string Describe() const;
  uint64_t Random(uint64_t bound) { return random_() % bound; }

  const Options options_;
  std::mt19937_64 random_;
  bool by_priority_;
  uint64_t switch_every_;                // the random walk's
  std::vector<uint64_t> change_points_;  // descending
  int64_t lowest_priority_ = 0;

  std::vector<std::unique_ptr<Thread>> threads_;
  std::unique_ptr<Thread> outside_;  // who called Run()
  Thread* running_ = nullptr;
  std::unordered_map<const void*, Thread*> owners_;  // of the mutexes that are held
  uint64_t steps_ = 0;
  uint64_t trace_hash_ = 0;
  uint64_t now_micros_ = 1'000'000;
  std::vector<Event> recent_;
};

}  // namespace lsm

#endif  // LSM_TESTS_SCHED_SCHEDULER_H_
