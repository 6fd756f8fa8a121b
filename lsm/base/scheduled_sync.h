// The engine's locks under a scheduler: for tests only, see sync.h.
//
// A thread whose `thread_scheduler` is set runs only while that scheduler lets it: every lock, wait
// and SchedulePoint() asks it, and it keeps the books of who holds and awaits what. For all other
// threads these are plain locks. A lock is used by threads of one kind at a time.

#ifndef LSM_BASE_SCHEDULED_SYNC_H_
#define LSM_BASE_SCHEDULED_SYNC_H_

#include <source_location>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"

namespace lsm {

// Locks and conditions are known to it by their addresses only.
class Scheduler {
 public:
  using Where = std::source_location;

  // Another thread may run here.
  virtual void Point(const Where& where) = 0;
  virtual void Lock(const void* mutex, const Where& where) = 0;
  virtual bool TryLock(const void* mutex, const Where& where) = 0;
  virtual void Unlock(const void* mutex, const Where& where) = 0;
  // Sleeps, without the mutex, until `condition` holds when somebody else releases it.
  virtual void Await(const void* mutex, const absl::Condition& condition, const Where& where) = 0;
  // Releases the mutex, sleeps until `condition` is signalled or, if `timed`, the scheduler decides
  // that the time is over (true), and takes the mutex again.
  virtual bool Wait(const void* condition, const void* mutex, bool timed, const Where& where) = 0;
  virtual void SignalAll(const void* condition, const Where& where) = 0;
  virtual void Sleep(absl::Duration duration, const Where& where) = 0;
  // What was at this address ends.
  virtual void Forget(const void* lock) = 0;

 protected:
  ~Scheduler() = default;
};

inline constinit thread_local Scheduler* thread_scheduler = nullptr;

class ABSL_LOCKABLE Mutex {
 public:
  using Where = Scheduler::Where;

  Mutex() = default;
  ~Mutex() {
    if (thread_scheduler != nullptr) thread_scheduler->Forget(this);
  }

  void Lock(Where where = Where::current()) ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    if (thread_scheduler == nullptr) return plain_.Lock();
    thread_scheduler->Lock(this, where);
  }
  bool TryLock(Where where = Where::current()) ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true) {
    if (thread_scheduler == nullptr) return plain_.TryLock();
    return thread_scheduler->TryLock(this, where);
  }
  void Unlock(Where where = Where::current()) ABSL_UNLOCK_FUNCTION() {
    if (thread_scheduler == nullptr) return plain_.Unlock();
    thread_scheduler->Unlock(this, where);
  }
  void Await(const absl::Condition& condition, Where where = Where::current()) {
    if (thread_scheduler == nullptr) return plain_.Await(condition);
    thread_scheduler->Await(this, condition, where);
  }

 private:
  friend class CondVar;
  absl::Mutex plain_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex, Mutex::Where where = Mutex::Where::current())
      ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex)
      : mutex_(mutex), where_(where) {
    mutex_->Lock(where_);
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(where_); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
  const Mutex::Where where_;
};

class CondVar {
 public:
  using Where = Scheduler::Where;

  CondVar() = default;
  ~CondVar() {
    if (thread_scheduler != nullptr) thread_scheduler->Forget(this);
  }

  void Wait(Mutex* mutex, Where where = Where::current()) {
    if (thread_scheduler == nullptr) return plain_.Wait(&mutex->plain_);
    thread_scheduler->Wait(this, mutex, /*timed=*/false, where);
  }
  bool WaitWithTimeout(Mutex* mutex, absl::Duration timeout, Where where = Where::current()) {
    if (thread_scheduler == nullptr) return plain_.WaitWithTimeout(&mutex->plain_, timeout);
    return thread_scheduler->Wait(this, mutex, /*timed=*/true, where);
  }
  bool WaitWithDeadline(Mutex* mutex, absl::Time deadline, Where where = Where::current()) {
    if (thread_scheduler == nullptr) return plain_.WaitWithDeadline(&mutex->plain_, deadline);
    return thread_scheduler->Wait(this, mutex, /*timed=*/true, where);
  }
  void SignalAll(Where where = Where::current()) {
    if (thread_scheduler == nullptr) return plain_.SignalAll();
    thread_scheduler->SignalAll(this, where);
  }

 private:
  absl::CondVar plain_;
};

inline constexpr bool kScheduled = true;

inline void SchedulePoint(Scheduler::Where where = Scheduler::Where::current()) {
  if (thread_scheduler != nullptr) thread_scheduler->Point(where);
}

inline void Yield(Scheduler::Where where = Scheduler::Where::current()) { SchedulePoint(where); }
inline void BackOff(absl::Duration duration, Scheduler::Where where = Scheduler::Where::current()) {
  if (thread_scheduler == nullptr) return absl::SleepFor(duration);
  thread_scheduler->Sleep(duration, where);
}

}  // namespace lsm

#endif  // LSM_BASE_SCHEDULED_SYNC_H_
