#include "lsm/base/epoch.h"

#include <algorithm>

#include "absl/base/thread_annotations.h"
#include "lsm/base/sync.h"

namespace lsm {

namespace internal {

std::atomic<uint64_t> global_epoch{1};
constinit thread_local EpochSlot* thread_slot = nullptr;

}  // namespace internal

// The one domain of the process. Lock order: mutex_ is a leaf, and nothing is deleted under it.
class EpochDomain {
 public:
  static EpochDomain& Get() {
    static EpochDomain* const domain = new EpochDomain;
    return *domain;
  }

  internal::EpochSlot* TakeSlot() {
    for (internal::EpochSlot* slot = slots_.load(std::memory_order_acquire); slot != nullptr;
         slot = slot->next) {
      bool taken = false;
      if (slot->taken.compare_exchange_strong(taken, true, std::memory_order_acq_rel)) return slot;
    }
    auto* slot = new internal::EpochSlot;
    slot->next = slots_.load(std::memory_order_relaxed);
    while (!slots_.compare_exchange_weak(slot->next, slot, std::memory_order_acq_rel)) {
    }
    return slot;
  }

  void Retire(Retirable* object) {
    object->retired_epoch_ = internal::global_epoch.fetch_add(1, std::memory_order_seq_cst);
    MutexLock lock(&mutex_);
    object->next_retired_ = retired_;
    retired_ = object;
    retired_count_.fetch_add(1, std::memory_order_relaxed);
  }

  // Scanning the slots costs a miss each, so it is done once for some objects.
  void CollectIfWorthwhile() {
    if (retired_count_.load(std::memory_order_relaxed) >=
        collect_at_.load(std::memory_order_relaxed)) {
      Collect();
    }
  }

  void Drain() {
    const uint64_t epoch = internal::global_epoch.fetch_add(1, std::memory_order_seq_cst);
    // Guards are as short as a get, so this is a short wait; a lock would put a cost on every
    // reader. A guard that read the epoch before it was advanced may announce it only now, hence
    // the second test.
    while (OldestActive() <= epoch || IsRetiredUpTo(epoch)) {
      Collect();
      BackOff(absl::Microseconds(20));
    }
    MutexLock lock(&mutex_);
    const uint64_t begun = deletions_begun_;
    const auto finished = [this, begun]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      for (const Deletion* d = deletions_; d != nullptr; d = d->next) {
        if (d->number <= begun) return false;
      }
      return true;
    };
    mutex_.Await(absl::Condition(&finished));
  }

 private:
  // Garbage that a thread is deleting, on that thread's stack.
  struct Deletion {
    uint64_t number = 0;
    Retirable* garbage = nullptr;
    Deletion* next = nullptr;
  };

  static constexpr uint64_t kCollectEvery = 32;

  uint64_t OldestActive() const {
    uint64_t oldest = UINT64_MAX;
    for (const internal::EpochSlot* slot = slots_.load(std::memory_order_seq_cst); slot != nullptr;
         slot = slot->next) {
      const uint64_t active = slot->active.load(std::memory_order_seq_cst);
      if (active == 0) continue;
      oldest = std::min(oldest, active);
      SchedulePoint();
    }
    return oldest;
  }

  bool IsRetiredUpTo(uint64_t epoch) {
    MutexLock lock(&mutex_);
    for (const Retirable* object = retired_; object != nullptr; object = object->next_retired_) {
      if (object->retired_epoch_ <= epoch) return true;
    }
    return false;
  }

  // Deletes what no guard can see.
  void Collect() {
    Deletion deletion;
    {
      MutexLock lock(&mutex_);
      deletion.garbage = TakeGarbage();
      if (deletion.garbage == nullptr) return;
      deletion.number = ++deletions_begun_;
      deletion.next = deletions_;
      deletions_ = &deletion;
    }
    while (deletion.garbage != nullptr) {
      delete std::exchange(deletion.garbage, deletion.garbage->next_retired_);
      SchedulePoint();
    }
    MutexLock lock(&mutex_);
    Deletion** link = &deletions_;
    while (*link != &deletion) link = &(*link)->next;
    *link = deletion.next;
  }

  // Unlinks what no guard can see. Objects deleted later may retire others: those wait for the next
  // call.
  Retirable* TakeGarbage() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const uint64_t oldest = OldestActive();
    Retirable* garbage = nullptr;
    Retirable** link = &retired_;
    while (*link != nullptr) {
      Retirable* object = *link;
      if (object->retired_epoch_ < oldest) {
        *link = object->next_retired_;
        object->next_retired_ = garbage;
        garbage = object;
        retired_count_.fetch_sub(1, std::memory_order_relaxed);
      } else {
        link = &object->next_retired_;
      }
    }
    collect_at_.store(retired_count_.load(std::memory_order_relaxed) + kCollectEvery,
                      std::memory_order_relaxed);
    return garbage;
  }

  std::atomic<internal::EpochSlot*> slots_{nullptr};
  Mutex mutex_;
  Retirable* retired_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // Changed under mutex_, read without.
  std::atomic<uint64_t> retired_count_{0};
  std::atomic<uint64_t> collect_at_{kCollectEvery};
  Deletion* deletions_ ABSL_GUARDED_BY(mutex_) = nullptr;
  uint64_t deletions_begun_ ABSL_GUARDED_BY(mutex_) = 0;
};

namespace internal {

EpochSlot* TakeEpochSlot() {
  struct SlotHolder {
    ~SlotHolder() {
      EpochSlot* slot = std::exchange(thread_slot, nullptr);
      if (slot != nullptr) slot->taken.store(false, std::memory_order_release);
    }
  };
  static thread_local SlotHolder holder;
  (void)holder;
  thread_slot = EpochDomain::Get().TakeSlot();
  return thread_slot;
}

}  // namespace internal

void EpochRetire(Retirable* object) { EpochDomain::Get().Retire(object); }

void EpochCollect() { EpochDomain::Get().CollectIfWorthwhile(); }

void EpochDrain() {
  // A deletion may retire further objects (a version its tables), so drain until a round deletes
  // nothing new: chains are no longer than read state -> version -> table -> file.
  constexpr int kLongestChain = 5;
  for (int i = 0; i < kLongestChain; ++i) EpochDomain::Get().Drain();
}

}  // namespace lsm
