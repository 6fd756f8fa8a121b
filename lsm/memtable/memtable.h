// MemTable: takes all writes first and keeps them in order until they are flushed to a table.
//
// An adaptive radix tree (Leis et al., ICDE 2013) over user keys, append-only in one arena, one writer
// and readers without locks. Each leaf is a user key with its versions, newest first. Range tombstones
// are kept beside the tree.
//
// Invariants:
// 1. One thread at a time applies batches (the writer); any number of others read meanwhile. A reader
//    that asks at snapshot S sees every operation with sequence <= S, provided that S was published
//    (release) after those were applied and read (acquire) before the reader looked.
// 2. Nothing in the arena is moved or freed before the memtable is: keys and values handed out stay
//    readable as long as a reference to the memtable is held.
// 3. Sequence numbers only grow from one Apply to the next.
// 4. A batch that HasRoomFor() accepted fits: Apply cannot fail.

#ifndef LSM_MEMTABLE_MEMTABLE_H_
#define LSM_MEMTABLE_MEMTABLE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "lsm/base/entry.h"
#include "lsm/base/epoch.h"
#include "lsm/base/status.h"
#include "lsm/base/write_batch.h"
#include "lsm/iterator/iterator.h"
#include "lsm/iterator/range_tombstones.h"
#include "lsm/memtable/arena.h"
#include "lsm/memtable/radix_tree.h"

namespace lsm {

class MemTable : public RefCounted {
 public:
  // `capacity` bytes of arena, from the pool; kOutOfMemory where the system has none. The pool outlives
  // the memtable.
  static Result<RefPtr<MemTable>> Create(ArenaPool* pool, uint64_t capacity);
  ~MemTable() override;

  // An upper bound of the arena bytes that applying takes, given the batch's encoded size and count.
  static uint64_t ArenaBytesFor(uint64_t batch_bytes, uint32_t count);
  bool HasRoomFor(uint64_t batch_bytes, uint32_t count) const {
    return ArenaBytesFor(batch_bytes, count) <= arena_->capacity() - arena_->used();
  }

  // Adds one operation. REQUIRES: the writer; HasRoomFor() was true for the batch it is of; sizes are
  // within limits.h.
  void Apply(const WriteOp& op, SequenceNumber sequence);

  struct Lookup {
    enum class State : uint8_t { kAbsent, kDeleted, kFound };
    State state = State::kAbsent;
    SequenceNumber sequence = 0;  // of the version found, unless kAbsent
    std::string_view value;       // for kFound, in the arena
  };
  // The newest version with sequence <= snapshot. Range tombstones are not looked at.
  Lookup Get(std::string_view key, SequenceNumber snapshot) const;

  // As FragmentedRangeTombstones::CoveringSequence, over this memtable's range tombstones.
  SequenceNumber CoveringSequence(std::string_view key, SequenceNumber snapshot) const {
    if (tombstone_count_.load(std::memory_order_acquire) == 0) [[likely]]
      return 0;
    return CoveringSequenceSlow(key, snapshot);
  }
  // Calls `visit(const RangeTombstone&)` for each range tombstone applied so far, in any order. The views
  // point into the arena.
  template <typename Visitor>
  void VisitRangeTombstones(Visitor visit) const;

  // Holds a reference to the memtable. Shows what had been applied when it was positioned, and perhaps
  // more.
  std::unique_ptr<EntryIterator> NewIterator() const;

  bool empty() const { return entry_count() == 0 && tombstone_count() == 0; }
  uint64_t entry_count() const { return entry_count_.load(std::memory_order_relaxed); }
  uint64_t tombstone_count() const { return tombstone_count_.load(std::memory_order_relaxed); }
  // Bytes of arena in use, which is what counts against the memory budget.
  uint64_t memory_used() const { return arena_->used(); }

 private:
  // … yours
};

}  // namespace lsm

#endif  // LSM_MEMTABLE_MEMTABLE_H_
