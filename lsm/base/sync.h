// The engine's locks, by the only names it uses for them: Abseil's, whose annotations the compiler
// and the sanitizers know.
//
// Built with LSM_SCHEDULED (--config=sched) they ask a scheduler instead, which a test drives with
// a seed: scheduled_sync.h. There SchedulePoint() marks the places between two accesses to atomics
// where another thread's coming in between decides something; it is nothing anywhere else.

#ifndef LSM_BASE_SYNC_H_
#define LSM_BASE_SYNC_H_

#include "absl/base/thread_annotations.h"

#ifdef LSM_SCHEDULED
#include "lsm/base/scheduled_sync.h"
#else
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"

namespace lsm {

using Mutex = absl::Mutex;
using MutexLock = absl::MutexLock;
using CondVar = absl::CondVar;

inline constexpr bool kScheduled = false;
inline void SchedulePoint() {}
// Lets the threads that wait for this core go first; returns at once where there are none.
inline void Yield() { std::this_thread::yield(); }
// Sleeps between two looks at what cannot be waited for.
inline void BackOff(absl::Duration duration) { absl::SleepFor(duration); }

}  // namespace lsm
#endif

namespace lsm {

// Lets go of a mutex that is held, for as long as it lives. Clang's analysis cannot follow that and
// believes the mutex held all the time, so it does not see what such a scope should not touch.
class MutexUnlock {
 public:
  explicit MutexUnlock(Mutex* mutex) ABSL_NO_THREAD_SAFETY_ANALYSIS : mutex_(mutex) {
    mutex_->Unlock();
  }
  MutexUnlock(const MutexUnlock&) = delete;
  MutexUnlock& operator=(const MutexUnlock&) = delete;
  ~MutexUnlock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex_->Lock(); }

 private:
  Mutex* const mutex_;
};

}  // namespace lsm

#endif  // LSM_BASE_SYNC_H_
