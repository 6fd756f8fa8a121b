// TombstoneList: the range tombstones of one memtable, for a writer that adds them one by one and
// readers that ask for a key in between.
//
// They form a list in the arena, newest first. For lookups an index is kept beside it: fragmented
// lists over consecutive stretches of the list, oldest first, each more than twice as long as the
// next newer one (the logarithmic method of Bentley and Saxe, J. Algorithms 1980). Readers look
// linearly at what is newer than the index; the one that meets more than kMaxTail extends it. So n
// tombstones cost O(n log^2 n) to index in all, and a lookup O(log^2 n) plus the tail.
//
// Invariants:
// 1. The head of the list is stored (release) once its record is written; records never change.
// 2. The index is immutable and swapped whole. Readers use it under an EpochGuard.

#ifndef LSM_MEMTABLE_TOMBSTONE_LIST_H_
#define LSM_MEMTABLE_TOMBSTONE_LIST_H_

#include <atomic>
#include <cstdint>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "lsm/base/entry.h"
#include "lsm/base/sync.h"
#include "lsm/iterator/range_tombstones.h"
#include "lsm/memtable/arena.h"

namespace lsm {

class TombstoneList {
 public:
  static constexpr uint64_t kMaxTail = 64;

  // Empty. The arena outlives the list.
  explicit TombstoneList(Arena* arena);
  ~TombstoneList();
  TombstoneList(const TombstoneList&) = delete;
  TombstoneList& operator=(const TombstoneList&) = delete;

  // Bytes of arena beyond those of the bounds.
  static constexpr uint64_t kRecordOverhead = 20 + Arena::kUnit - 1;

  // REQUIRES: the writer; the arena has room; begin < end; `end` may be InfiniteKey().
  void Add(std::string_view begin, std::string_view end, SequenceNumber sequence);

  uint64_t count() const { return count_.load(std::memory_order_relaxed); }

  // As FragmentedRangeTombstones::CoveringSequence.
  SequenceNumber CoveringSequence(std::string_view key, SequenceNumber snapshot) const {
    if (head_.load(std::memory_order_acquire) == 0) [[likely]]
      return 0;
    return CoveringSequenceSlow(key, snapshot);
  }

  // Newest first. The views point into the arena.
  template <typename Visitor>
  void Visit(Visitor visit) const {
    for (ArenaOffset at = head_.load(std::memory_order_acquire); at != 0; at = OlderThan(at)) {
      visit(TombstoneAt(at));
    }
  }

 private:
  struct Record;
  struct Run;
  struct Index;

  SequenceNumber CoveringSequenceSlow(std::string_view key, SequenceNumber snapshot) const;
  // Brings the index up to the head of the list, unless another thread is at it.
  void ExtendIndex() const;
  RangeTombstone TombstoneAt(ArenaOffset at) const;
  ArenaOffset OlderThan(ArenaOffset at) const;

  Arena* const arena_;
  std::atomic<ArenaOffset> head_{0};
  std::atomic<uint64_t> count_{0};
  mutable Mutex extending_;
  mutable std::atomic<const Index*> index_;  // stored under extending_
};

}  // namespace lsm

#endif  // LSM_MEMTABLE_TOMBSTONE_LIST_H_
