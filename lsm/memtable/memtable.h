// MemTable: takes all writes first and keeps them in order until they are flushed to a table.
//
// An adaptive radix tree (Leis et al., ICDE 2013) over user keys, append-only in one arena, one
// writer and readers without locks. Each leaf is a user key with its versions, newest first. Range
// tombstones are kept beside the tree.
//
// Rejected: a skip list and a B-tree over keys in an arena, as both miss the cache at every level.
// Side by side on a busy machine (tests/memtable/memtable_bench.cc: 450,000 random 16-byte keys,
// binary or decimal, values of 100 bytes), nanoseconds for an insert, a get that hits, a step of a
// walk: this tree 240-400, 460-830, 100-190; the skip list 2,400-2,800, 3,000-3,200, 175-190; the
// B-tree 1,900-2,000, 2,100-2,200, 160-180.
//
// Invariants:
// 1. One thread at a time applies batches (the writer); any number of others read meanwhile. A
//    reader that asks at snapshot S sees every operation with sequence <= S, provided that S was
//    published (release) after those were applied and read (acquire) before the reader looked.
// 2. Nothing in the arena is moved or freed before the memtable is: keys and values handed out stay
//    readable as long as a reference to the memtable is held.
// 3. Sequence numbers only grow from one Apply to the next.
// 4. A batch that HasRoomFor() accepted fits: Apply cannot fail.

#ifndef LSM_MEMTABLE_MEMTABLE_H_
#define LSM_MEMTABLE_MEMTABLE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "lsm/base/entry.h"
#include "lsm/base/epoch.h"
#include "lsm/base/status.h"
#include "lsm/base/write_batch.h"
#include "lsm/iterator/iterator.h"
#include "lsm/iterator/range_tombstones.h"
#include "lsm/memtable/arena.h"
#include "lsm/memtable/radix_tree.h"
#include "lsm/memtable/tombstone_list.h"

namespace lsm {

class MemTable : public RefCounted {
 public:
  // `capacity` bytes of arena, from the pool, but Arena::kMinCapacity (64 KiB) at least, so that a
  // tiny write buffer is a matter of when to flush, by memory_used(), and not of what fits.
  // kOutOfMemory where the system has none; kTooLarge above Arena::kMaxCapacity (16 GiB).
  static Result<RefPtr<MemTable>> Create(ArenaPool* pool, uint64_t capacity);

  // An arena of this many bytes takes, empty, any batch of `count` operations that is encoded in
  // `batch_bytes`.
  static constexpr uint64_t ArenaBytesFor(uint64_t batch_bytes, uint32_t count) {
    return Arena::kOverhead + EntryBytesFor(batch_bytes, count) +
           count * RadixTree::kNodeBytesPerInsert;
  }
  // Whether applying such a batch is certain to fit; true in an empty memtable of ArenaBytesFor()
  // bytes. REQUIRES: the writer.
  bool HasRoomFor(uint64_t batch_bytes, uint32_t count) const {
    return EntryBytesFor(batch_bytes, count) + tree_.NodeBytesFor(count) + Arena::kNodeUnit <=
           arena_->available();
  }

  // Adds one operation. REQUIRES: the writer; HasRoomFor() was true for the batch it is of; sizes
  // are within limits.h.
  void Apply(const WriteOp& op, SequenceNumber sequence);
  // Adds up to kOpsAtOnce, the first with this sequence number: faster than one after the other.
  static constexpr size_t kOpsAtOnce = RadixTree::kMaxApproached;
  void Apply(std::span<const WriteOp> ops, SequenceNumber sequence);

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
    return tombstones_.CoveringSequence(key, snapshot);
  }
  // Calls `visit(const RangeTombstone&)` for each range tombstone applied so far, in any order. The
  // views point into the arena.
  template <typename Visitor>
  void VisitRangeTombstones(Visitor visit) const {
    tombstones_.Visit(std::move(visit));
  }

  // Holds a reference to the memtable. Shows what had been applied when it was positioned, and
  // perhaps more.
  std::unique_ptr<EntryIterator> NewIterator() const;

  bool empty() const { return entry_count() == 0 && tombstone_count() == 0; }
  uint64_t entry_count() const { return entry_count_.load(std::memory_order_relaxed); }
  uint64_t tombstone_count() const { return tombstones_.count(); }
  uint64_t capacity() const { return arena_->capacity(); }
  // Bytes of arena in use, which is what counts against the memory budget; next to none when empty.
  uint64_t memory_used() const { return arena_->used(); }

 private:
  explicit MemTable(std::unique_ptr<Arena> arena);

  // What entries and range tombstones take, beyond nodes: the bytes of an operation, plus what it
  // takes in the arena and has no counterpart in its encoding (kind and size of key and of value or
  // range end: three bytes, or two of a deletion, which has no value to pad).
  static constexpr uint64_t EntryBytesFor(uint64_t batch_bytes, uint32_t count) {
    static_assert(RadixTree::kEntryOverhead >= TombstoneList::kRecordOverhead);
    return batch_bytes + count * (RadixTree::kEntryOverhead - 3);
  }

  const std::unique_ptr<Arena> arena_;
  RadixTree tree_;
  TombstoneList tombstones_;
  std::atomic<uint64_t> entry_count_{0};  // stored by the writer
};

}  // namespace lsm

#endif  // LSM_MEMTABLE_MEMTABLE_H_
