// The engine's locks, by the only names it uses for them: Abseil's, whose annotations the compiler
// and the sanitizers know.

#ifndef LSM_BASE_SYNC_H_
#define LSM_BASE_SYNC_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"

namespace lsm {

using Mutex = absl::Mutex;
using MutexLock = absl::MutexLock;
using CondVar = absl::CondVar;

// Sleeps between two looks at what cannot be waited for.
inline void BackOff(absl::Duration duration) { absl::SleepFor(duration); }

}  // namespace lsm

#endif  // LSM_BASE_SYNC_H_
