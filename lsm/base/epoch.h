// Epoch-based reclamation: how readers use shared objects without a lock and without writing a
// cache line that another thread writes (Fraser, "Practical lock-freedom", 2004).
//
// A reader enters an EpochGuard, loads pointers from atomics and uses what they point to until the
// guard ends. Whoever takes an object out of reach (swaps the pointer) hands it to EpochRetire();
// EpochCollect() deletes it once every guard that was there at that moment has ended. The two are
// apart because a destructor may take locks: objects are retired anywhere, and collected where no
// lock is held.
//
// RefCounted objects live longer than a guard where somebody holds a reference: TryRef() inside a
// guard turns a borrowed pointer into an owned one, and the last Unref() retires the object.
//
// Invariants:
// 1. A guard announces the global epoch it saw, then loads pointers; a retirer unlinks, then
//    advances the global epoch E -> E+1 and tags the object with E. Both are sequentially
//    consistent, so a guard that can still see the object announces an epoch <= E.
// 2. An object tagged E is deleted only when no guard announces an epoch <= E.
// 3. Guards nest; only the outermost one announces.

#ifndef LSM_BASE_EPOCH_H_
#define LSM_BASE_EPOCH_H_

#include <atomic>
#include <cstdint>
#include <utility>

#include "lsm/base/check.h"
#include "lsm/base/sync.h"

namespace lsm {

// What the reclaimer can delete.
class Retirable {
 public:
  Retirable() = default;
  Retirable(const Retirable&) = delete;
  Retirable& operator=(const Retirable&) = delete;

 protected:
  virtual ~Retirable() = default;

 private:
  friend class EpochDomain;
  Retirable* next_retired_ = nullptr;
  uint64_t retired_epoch_ = 0;
};

namespace internal {

// One a thread, in a list that only grows; reused when its thread ends.
struct alignas(64) EpochSlot {
  std::atomic<uint64_t> active{0};  // 0: outside any guard
  std::atomic<bool> taken{true};
  uint32_t depth = 0;  // the owning thread's alone
  EpochSlot* next = nullptr;
};

extern std::atomic<uint64_t> global_epoch;
// Constant-initialised and in the initial-exec model: a guard costs one load to find its slot.
extern constinit thread_local EpochSlot* thread_slot __attribute__((tls_model("initial-exec")));
// Takes a slot for this thread, given back when the thread ends.
EpochSlot* TakeEpochSlot();

}  // namespace internal

class EpochGuard {
 public:
  EpochGuard() : slot_(internal::thread_slot) {
    if (slot_ == nullptr) [[unlikely]]
      slot_ = internal::TakeEpochSlot();
    if (slot_->depth++ == 0) {
      const uint64_t epoch = internal::global_epoch.load(std::memory_order_acquire);
      SchedulePoint();
      slot_->active.store(epoch, std::memory_order_seq_cst);
      SchedulePoint();
    }
  }
  ~EpochGuard() {
    if (--slot_->depth == 0) {
      slot_->active.store(0, std::memory_order_release);
      SchedulePoint();
    }
  }
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;

 private:
  internal::EpochSlot* slot_;
};

// Has `object` deleted by a later EpochCollect() when no guard can see it any more. REQUIRES: it is
// out of reach for new guards. Never allocates.
void EpochRetire(Retirable* object);
// Deletes what no guard can see any more, if enough has been retired to make looking worth while.
// REQUIRES: the calling thread holds no lock that a destructor of a retired object takes.
void EpochCollect();
// Waits for every guard that is there now and deletes all that was retired before the call; what
// another thread is deleting of it is deleted on return, too. REQUIRES: as for EpochCollect(); the
// calling thread holds no guard, and is not in a destructor of a retired object.
void EpochDrain();

class RefCounted : public Retirable {
 public:
  void Ref() const {
    const uint32_t before = refs_.fetch_add(1, std::memory_order_relaxed);
    LSM_DCHECK(before > 0);
    (void)before;
  }
  // False: the last reference is gone, and the object stays readable only until the guard ends.
  bool TryRef() const {
    uint32_t refs = refs_.load(std::memory_order_relaxed);
    do {
      if (refs == 0) return false;
      SchedulePoint();
    } while (!refs_.compare_exchange_weak(refs, refs + 1, std::memory_order_acquire,
                                          std::memory_order_relaxed));
    return true;
  }
  void Unref() const {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      const_cast<RefCounted*>(this)->OnLastUnref();
    }
  }

 protected:
  // What follows the last reference; by default the object is retired.
  virtual void OnLastUnref() { EpochRetire(this); }

 private:
  mutable std::atomic<uint32_t> refs_{1};
};

// An owned reference to a RefCounted object, or null.
template <typename T>
class RefPtr {
 public:
  RefPtr() = default;
  RefPtr(std::nullptr_t) {}  // NOLINT
  // Takes over one reference, such as the one an object is born with.
  static RefPtr Adopt(T* object) {
    RefPtr pointer;
    pointer.object_ = object;
    return pointer;
  }
  // Adds a reference. REQUIRES: the object has one already.
  static RefPtr Share(T* object) {
    if (object != nullptr) object->Ref();
    return Adopt(object);
  }
  RefPtr(const RefPtr& other) : object_(other.object_) {
    if (object_ != nullptr) object_->Ref();
  }
  RefPtr(RefPtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <typename U>
  RefPtr(RefPtr<U> other) : object_(other.Release()) {}  // NOLINT
  RefPtr& operator=(RefPtr other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~RefPtr() {
    if (object_ != nullptr) object_->Unref();
  }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  // Gives the reference away.
  T* Release() { return std::exchange(object_, nullptr); }

 private:
  T* object_ = nullptr;
};

template <typename T, typename... Args>
RefPtr<T> MakeRef(Args&&... args) {
  return RefPtr<T>::Adopt(new T(std::forward<Args>(args)...));
}

}  // namespace lsm

#endif  // LSM_BASE_EPOCH_H_
