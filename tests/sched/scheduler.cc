#include "tests/sched/scheduler.h"

#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <semaphore>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lsm/base/hash.h"

namespace lsm {
namespace {

constexpr size_t kRecentEvents = 40;
// A timed wait is over by chance about once in so many steps.
constexpr uint64_t kTimeoutEvery = 300;
// How far a timeout moves the clock: about as long as the engine's waits are.
constexpr uint64_t kTimeoutMicros = 100'000;

// The stacks of all schedules. At a fixed address modulo its size, because code may hash addresses.
char* StackOf(size_t index) {
  static char* const stacks = static_cast<char*>(std::aligned_alloc(
      SeededScheduler::kStackSize, SeededScheduler::kMaxThreads * SeededScheduler::kStackSize));
  return stacks + index * SeededScheduler::kStackSize;
}

std::string_view BaseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string Place(const Scheduler::Where& where) {
  return absl::StrCat(BaseName(where.file_name()), ":", where.line());
}

}  // namespace

struct SeededScheduler::Thread {
  enum class State { kRunnable, kLocking, kWaiting, kTimedWaiting, kJoining, kEnded };

  SeededScheduler* scheduler = nullptr;
  std::string name;
  std::function<void()> body;
  size_t id = 0;
  pthread_t handle = {};
  bool joined = false;
  std::binary_semaphore turn{0};

  State state = State::kRunnable;
  int64_t priority = 0;
  const void* awaits = nullptr;  // a mutex, a condition or a thread
  Where where;                   // of its last step
  bool timed_out = false;
  const absl::Condition* condition = nullptr;  // that is to hold; of Await() only
};

SeededScheduler::SeededScheduler(Options options)
    : options_(std::move(options)), random_(options_.seed), outside_(new Thread) {
  by_priority_ = Random(4) != 0;
  switch_every_ = uint64_t{1} << Random(7);
  // Few in most schedules, as most bugs need few, but some need one at just the right place.
  const uint64_t changes = Random(uint64_t{2} << Random(6));
  for (uint64_t i = 0; i < changes; ++i) change_points_.push_back(Random(options_.expected_steps));
  std::sort(change_points_.rbegin(), change_points_.rend());
}

SeededScheduler::~SeededScheduler() = default;

void SeededScheduler::Run(std::function<void()> main) {
  const ThreadId first = Spawn("main", std::move(main));
  running_ = threads_[first].get();
  running_->turn.release();
  outside_->turn.acquire();
  for (const auto& thread : threads_) {
    if (!std::exchange(thread->joined, true)) pthread_join(thread->handle, nullptr);
  }
}

SeededScheduler::ThreadId SeededScheduler::Spawn(std::string name, std::function<void()> body) {
  if (threads_.size() == kMaxThreads) Fail("more threads than there are stacks for");
  Thread* const thread = threads_.emplace_back(new Thread).get();
  thread->scheduler = this;
  thread->name = std::move(name);
  thread->body = std::move(body);
  thread->id = threads_.size() - 1;
  thread->priority = static_cast<int64_t>(Random(1'000'000)) + 1;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, StackOf(thread->id), kStackSize);
  if (pthread_create(&thread->handle, &attributes, &ThreadMain, thread) != 0) {
    Fail("a thread cannot be started");
  }
  pthread_attr_destroy(&attributes);
  return thread->id;
}

void* SeededScheduler::ThreadMain(void* argument) {
  // Made before all other thread_local objects, and so destroyed after them: what their
  // destructors do is still a part of the schedule.
  struct Ender {
    SeededScheduler* scheduler = nullptr;
    ~Ender() { scheduler->End(); }
  };
  static thread_local Ender ender;
  auto* const self = static_cast<Thread*>(argument);
  ender.scheduler = self->scheduler;
  self->turn.acquire();
  thread_scheduler = self->scheduler;
  self->body();
  self->body = nullptr;
  return nullptr;
}

void SeededScheduler::End() {
  for (const auto& [mutex, owner] : owners_) {
    if (owner == running_) Fail("a thread ended with a lock held");
  }
  thread_scheduler = nullptr;
  Thread* const self = running_;
  self->state = Thread::State::kEnded;
  WakeAll(self);
  const bool all = std::all_of(threads_.begin(), threads_.end(), [](const auto& thread) {
    return thread->state == Thread::State::kEnded;
  });
  running_ = all ? outside_.get() : Choose(/*forced=*/true);
  running_->turn.release();
}

void SeededScheduler::Join(ThreadId id) {
  Thread* const thread = threads_[id].get();
  while (thread->state != Thread::State::kEnded) {
    running_->state = Thread::State::kJoining;
    running_->awaits = thread;
    Block();
  }
  if (!std::exchange(thread->joined, true)) pthread_join(thread->handle, nullptr);
}

// --- who runs ---

void SeededScheduler::Step(std::string_view what, const Where& where) {
  running_->where = where;
  if (recent_.size() < kRecentEvents) recent_.emplace_back();
  recent_[steps_ % kRecentEvents] = {running_, what, where};
  trace_hash_ = (trace_hash_ ^ (running_->id << 32 | where.line())) * 0x9e3779b97f4a7c15u;
  trace_hash_ ^= trace_hash_ >> 29;
  if (++steps_ > options_.max_steps) Fail("it goes on and on");
  if (Random(kTimeoutEvery) == 0) FireTimeout();
  while (!change_points_.empty() && change_points_.back() <= steps_) {
    change_points_.pop_back();
    running_->priority = --lowest_priority_;
  }
  Reschedule(/*forced=*/false);
}

void SeededScheduler::Reschedule(bool forced) {
  Thread* const self = running_;
  Thread* const next = Choose(forced);
  if (next == self) return;
  running_ = next;
  next->turn.release();
  self->turn.acquire();
}

SeededScheduler::Thread* SeededScheduler::Choose(bool forced) {
  while (true) {
    Thread* const chosen = by_priority_ ? ChooseByPriority(forced) : ChooseAtRandom(forced);
    if (chosen != nullptr) return chosen;
    if (!FireTimeout()) Fail("deadlock");
  }
}

SeededScheduler::Thread* SeededScheduler::ChooseByPriority(bool) {
  Thread* best = nullptr;
  for (const auto& thread : threads_) {
    if (thread->state != Thread::State::kRunnable) continue;
    if (best == nullptr || thread->priority > best->priority) best = thread.get();
  }
  return best;
}

SeededScheduler::Thread* SeededScheduler::ChooseAtRandom(bool forced) {
  const bool may_stay = !forced && running_->state == Thread::State::kRunnable;
  if (may_stay && Random(switch_every_) != 0) return running_;
  std::vector<Thread*> candidates;
  for (const auto& thread : threads_) {
    if (thread->state == Thread::State::kRunnable) candidates.push_back(thread.get());
  }
  return candidates.empty() ? nullptr : candidates[Random(candidates.size())];
}

bool SeededScheduler::FireTimeout() {
  std::vector<Thread*> candidates;
  for (const auto& thread : threads_) {
    if (thread->state == Thread::State::kTimedWaiting) candidates.push_back(thread.get());
  }
  if (candidates.empty()) return false;
  Thread* const chosen = candidates[Random(candidates.size())];
  chosen->state = Thread::State::kRunnable;
  chosen->timed_out = true;
  now_micros_ += kTimeoutMicros;
  return true;
}

void SeededScheduler::Block() { Reschedule(/*forced=*/true); }

void SeededScheduler::WakeAll(const void* what) {
  for (const auto& thread : threads_) {
    if (thread->state == Thread::State::kRunnable || thread->state == Thread::State::kEnded) {
      continue;
    }
    if (thread->awaits != what) continue;
    if (thread->condition != nullptr && !thread->condition->Eval()) continue;
    thread->state = Thread::State::kRunnable;
  }
}

// --- locks ---

void SeededScheduler::Acquire(const void* mutex, const Where& where) {
  running_->where = where;
  while (true) {
    const auto [held, taken] = owners_.emplace(mutex, running_);
    if (taken) return;
    if (held->second == running_) Fail("a thread locks what it has locked");
    running_->state = Thread::State::kLocking;
    running_->awaits = mutex;
    Block();
  }
}

void SeededScheduler::Release(const void* mutex, const Where& where) {
  running_->where = where;
  const auto held = owners_.find(mutex);
  if (held == owners_.end() || held->second != running_)
    Fail("a thread unlocks what it does not hold");
  owners_.erase(held);
  WakeAll(mutex);
}

void SeededScheduler::Point(const Where& where) { Step("passes", where); }

void SeededScheduler::Lock(const void* mutex, const Where& where) {
  Step("locks", where);
  Acquire(mutex, where);
}

bool SeededScheduler::TryLock(const void* mutex, const Where& where) {
  Step("tries to lock", where);
  return owners_.emplace(mutex, running_).second;
}

void SeededScheduler::Unlock(const void* mutex, const Where& where) {
  Release(mutex, where);
  Step("has unlocked", where);
}

void SeededScheduler::Await(const void* mutex, const absl::Condition& condition,
                            const Where& where) {
  Step("waits", where);
  Thread* const self = running_;
  while (!condition.Eval()) {
    Release(mutex, where);
    self->state = Thread::State::kWaiting;
    self->awaits = mutex;
    self->condition = &condition;
    Block();
    self->condition = nullptr;
    Acquire(mutex, where);
  }
}

bool SeededScheduler::Wait(const void* condition, const void* mutex, bool timed,
                           const Where& where) {
  Step("waits", where);
  Release(mutex, where);
  Thread* const self = running_;
  self->state = timed ? Thread::State::kTimedWaiting : Thread::State::kWaiting;
  self->awaits = condition;
  self->timed_out = false;
  Block();
  Acquire(mutex, where);
  return self->timed_out;
}

void SeededScheduler::SignalAll(const void* condition, const Where& where) {
  Step("signals", where);
  WakeAll(condition);
}

// Whoever sleeps polls: all others go first.
void SeededScheduler::Sleep(absl::Duration duration, const Where& where) {
  now_micros_ += static_cast<uint64_t>(absl::ToInt64Microseconds(duration));
  running_->priority = --lowest_priority_;
  Step("sleeps", where);
  if (!by_priority_) Reschedule(/*forced=*/true);
}

void SeededScheduler::Forget(const void* lock) {
  if (owners_.contains(lock)) Fail("a mutex ends while it is held");
  for (const auto& thread : threads_) {
    const bool waits = thread->state != Thread::State::kRunnable &&
                       thread->state != Thread::State::kEnded && thread->awaits == lock;
    if (waits) Fail("a lock ends while a thread waits for it");
  }
}

// --- failures ---

void SeededScheduler::Fail(std::string_view what) {
  const std::string text =
      absl::StrCat("seed ", options_.seed, ", step ", steps_, ": ", what, "\n", Describe());
  if (options_.on_failure) options_.on_failure(text);
  std::fprintf(stderr, "%s", text.c_str());
  std::fflush(stderr);
  std::_Exit(1);
}

std::string SeededScheduler::Describe() const {
  std::string text;
  for (const auto& thread : threads_) {
    const auto told = [&](std::string_view verb) {
      const auto owner = owners_.find(thread->awaits);
      return absl::StrCat(verb, " at ", Place(thread->where),
                          owner == owners_.end() ? "" : ", held by " + owner->second->name);
    };
    std::string state;
    switch (thread->state) {
      case Thread::State::kRunnable:
        state = told("could run");
        break;
      case Thread::State::kLocking:
        state = told("waits for a lock");
        break;
      case Thread::State::kWaiting:
        state = told("waits for a signal");
        break;
      case Thread::State::kTimedWaiting:
        state = told("waits for a signal or a timeout");
        break;
      case Thread::State::kJoining:
        state =
            absl::StrCat("waits for the end of ", static_cast<const Thread*>(thread->awaits)->name);
        break;
      case Thread::State::kEnded:
        state = "has ended";
        break;
    }
    uint64_t held = 0;
    for (const auto& [mutex, owner] : owners_) held += owner == thread.get() ? 1 : 0;
    absl::StrAppend(&text, thread.get() == running_ ? "* " : "  ", thread->name, " ", state,
                    held > 0 ? absl::StrCat(", holds ", held, " locks") : "", "\n");
  }
  absl::StrAppend(&text, "the last steps:\n");
  for (uint64_t i = 0; i < recent_.size(); ++i) {
    const Event& event = recent_[(steps_ + i) % recent_.size()];
    if (event.thread == nullptr) continue;
    absl::StrAppend(&text, "  ", event.thread->name, " ", event.what, " at ", Place(event.where),
                    "\n");
  }
  return text;
}

}  // namespace lsm
