// Arena: the memory of one memtable, a single contiguous region that is handed out from both ends.
//
// Entries grow upwards from the bottom, in units of 8 bytes; nodes of the index grow downwards from
// the top, in units of 32 bytes. So nodes lie densely (few pages, few TLB entries), and those of 64
// bytes and more start on a cache line. What is inside is referred to by offset, a 32-bit number of
// units of 8 bytes, of which the highest bit is left to the user: 16 GiB at most.
//
// Invariants:
// 1. One thread allocates; any thread may ask how much is used and read what was published to it.
// 2. Nothing is freed before the whole arena is.
// 3. The memory is dirty: a recycled region holds what its last user left there.

#ifndef LSM_MEMTABLE_ARENA_H_
#define LSM_MEMTABLE_ARENA_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "lsm/base/check.h"
#include "lsm/base/limits.h"
#include "lsm/base/status.h"
#include "lsm/base/sync.h"
#include "lsm/env/memory.h"

namespace lsm {

// In units of 8 bytes from the start of the arena; 0 is no place.
using ArenaOffset = uint32_t;

class IdleRegions;

class Arena {
 public:
  static constexpr uint64_t kUnit = 8;
  static constexpr uint64_t kNodeUnit = 32;
  static constexpr uint64_t kMinCapacity = 64 * kKiB;
  static constexpr uint64_t kMaxCapacity = 16 * kGiB;
  // What is used of an empty arena, so that no place has offset 0, and what aligning nodes may cost
  // in all.
  static constexpr uint64_t kOverhead = kUnit + kNodeUnit;

  Arena(std::shared_ptr<IdleRegions> home, MemoryRegion region);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  uint64_t capacity() const { return region_.size(); }
  uint64_t used() const { return capacity() - available(); }
  uint64_t available() const {
    return high_.load(std::memory_order_relaxed) - low_.load(std::memory_order_relaxed);
  }

  char* At(ArenaOffset offset) const { return base_ + offset * kUnit; }

  // REQUIRES of both: the writer; the bytes are available().
  ArenaOffset AllocateEntry(uint64_t bytes) {
    const uint64_t low = low_.load(std::memory_order_relaxed);
    bytes = (bytes + kUnit - 1) & ~(kUnit - 1);
    LSM_DCHECK(bytes <= available());
    low_.store(low + bytes, std::memory_order_relaxed);
    return static_cast<ArenaOffset>(low / kUnit);
  }
  // `bytes` is kNodeUnit or a multiple of 64, and so is the alignment.
  ArenaOffset AllocateNode(uint64_t bytes);

 private:
  const std::shared_ptr<IdleRegions> home_;
  MemoryRegion region_;
  char* const base_;
  // Entries end at low_, nodes begin at high_.
  std::atomic<uint64_t> low_{kUnit};
  std::atomic<uint64_t> high_;
  // Half a line that aligning a larger node left behind, for the next small one; 0 where there is
  // none.
  uint64_t spare_node_ = 0;
};

// The regions of arenas that are gone, kept for arenas to come: touching a fresh page costs more
// than filling it. Thread-safe; shared by the pool and its arenas, which may outlive it.
class IdleRegions {
 public:
  // At most `max_count` regions of `region_size` bytes.
  IdleRegions(uint64_t region_size, uint64_t max_count);

  uint64_t region_size() const { return region_size_; }
  uint64_t bytes() const;
  // An empty one where none is idle.
  MemoryRegion Take();
  // Keeps it or frees it.
  void GiveBack(MemoryRegion region);

 private:
  const uint64_t region_size_;
  const uint64_t max_count_;
  mutable Mutex mutex_;
  std::vector<MemoryRegion> regions_ ABSL_GUARDED_BY(mutex_);
};

// Makes arenas out of idle or fresh memory. Thread-safe.
class ArenaPool {
 public:
  // Keeps at most `max_idle` regions, and only such as arenas of `capacity` use.
  ArenaPool(uint64_t capacity, uint64_t max_idle);

  // An arena of at least `capacity` bytes, rounded up to whole pages and Arena::kMinCapacity.
  // kOutOfMemory where the system has none; kTooLarge above Arena::kMaxCapacity.
  Result<std::unique_ptr<Arena>> NewArena(uint64_t capacity);

  // What is kept for arenas to come.
  uint64_t idle_bytes() const { return idle_->bytes(); }

 private:
  const std::shared_ptr<IdleRegions> idle_;
};

}  // namespace lsm

#endif  // LSM_MEMTABLE_ARENA_H_
