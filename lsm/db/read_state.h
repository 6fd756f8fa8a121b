// ReadState: all that a read looks at, pinned at once: the memtables and the version.
//
// Invariants:
// 1. Immutable. Whoever changes the memtables or the version publishes a new one.
// 2. Its parts hold together everything that was visible when it was published: a memtable leaves
//    it only together with the arrival of a version that has its rows.

#ifndef LSM_DB_READ_STATE_H_
#define LSM_DB_READ_STATE_H_

#include <atomic>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "lsm/base/epoch.h"
#include "lsm/base/sync.h"
#include "lsm/memtable/memtable.h"
#include "lsm/version/version.h"

namespace lsm {

// A memtable and the first log segment that holds some of it.
struct LoggedMemTable {
  RefPtr<MemTable> table;
  uint64_t first_log = 0;
};

class ReadState : public RefCounted {
 public:
  ReadState(LoggedMemTable active, std::vector<LoggedMemTable> immutable,
            RefPtr<const Version> version)
      : active_(std::move(active)),
        immutable_(std::move(immutable)),
        version_(std::move(version)) {}

  const LoggedMemTable& active() const { return active_; }
  // Newest first: the last is the next to be flushed.
  const std::vector<LoggedMemTable>& immutable() const { return immutable_; }
  const Version& version() const { return *version_; }
  const RefPtr<const Version>& shared_version() const { return version_; }

 private:
  ~ReadState() override = default;

  const LoggedMemTable active_;
  const std::vector<LoggedMemTable> immutable_;
  const RefPtr<const Version> version_;
};

// Where the current state is published.
class ReadStateHolder {
 public:
  ~ReadStateHolder() { Publish(nullptr); }

  // The current state, readable until the caller's EpochGuard ends; null before the first Publish
  // and after the database was closed. REQUIRES: inside an EpochGuard.
  const ReadState* Borrow() const { return current_.load(std::memory_order_seq_cst); }
  // The same, owned.
  RefPtr<const ReadState> Share() const {
    return ShareAround([] {});
  }
  // The state that was current while `look()` ran, the last time that it did, owned.
  template <typename Look>
  RefPtr<const ReadState> ShareAround(Look look) const {
    // Inside a guard no other state can come to lie where this one lay.
    EpochGuard guard;
    while (true) {
      const ReadState* state = Borrow();
      if (state == nullptr) return nullptr;
      SchedulePoint();
      look();
      SchedulePoint();
      if (Borrow() == state && state->TryRef()) return RefPtr<const ReadState>::Adopt(state);
    }
  }
  // Replaces the current state with what `change(const ReadState&)` makes of it, one change at a
  // time.
  template <typename Change>
  void Update(Change change) {
    const ReadState* old;
    {
      MutexLock lock(&mutex_);
      old = Swap(change(*current_.load(std::memory_order_relaxed)));
    }
    Drop(old);
  }
  void Publish(RefPtr<const ReadState> state) {
    const ReadState* old;
    {
      MutexLock lock(&mutex_);
      old = Swap(std::move(state));
    }
    Drop(old);
  }

 private:
  const ReadState* Swap(RefPtr<const ReadState> state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return current_.exchange(state.Release(), std::memory_order_seq_cst);
  }
  static void Drop(const ReadState* state) {
    if (state != nullptr) state->Unref();
  }

  Mutex mutex_;
  std::atomic<const ReadState*> current_{nullptr};
};

}  // namespace lsm

#endif  // LSM_DB_READ_STATE_H_
