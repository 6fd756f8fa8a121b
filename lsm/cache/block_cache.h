// BlockCache: decompressed blocks of tables, up to a byte budget.
//
// Sharded by key. A shard is an open-addressing table of atomic words, walked by readers without a
// lock and, mostly, without a write; inserts and evictions take the shard's mutex. A word holds the
// block's address, 15 bits of its key's hash and the mark of the CLOCK, so that a lookup that finds
// touches two far cache lines (slot and block), one that does not find touches one, and the hand
// sweeps without touching blocks. A lookup marks its slot only where it is not marked yet, so a hot
// block costs no shared write. A table that is full or full of erased slots is replaced by a new
// one; the old one goes to the epoch domain.
//
// Invariants:
// 1. What Lookup returns stays readable until the caller's EpochGuard ends, and longer for whoever
//    TryRef()s it.
// 2. usage() counts the blocks the cache holds, at their full allocated size, and never exceeds the
//    capacity. Blocks that only readers still hold are not counted.
// 3. At most one block a key.
// 4. Where memory is out, an insert does nothing.
// 5. No block is released and no table retired under a shard's mutex: what the epoch domain deletes
//    on that occasion may call the cache.

#ifndef LSM_CACHE_BLOCK_CACHE_H_
#define LSM_CACHE_BLOCK_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "lsm/base/epoch.h"

namespace lsm {

// A block in memory of its own, header and bytes in one allocation. Filled by its maker, then
// immutable.
class alignas(16) MemoryBlock final : public RefCounted {
 public:
  // Null where memory is out. `size` bytes, aligned to 16.
  static RefPtr<MemoryBlock> Allocate(uint64_t size);

  char* data() { return reinterpret_cast<char*>(this + 1); }
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  uint64_t size() const { return size_; }
  // What it takes from the heap.
  uint64_t charge() const { return sizeof(MemoryBlock) + size_; }

  // From now on there may be readers who hold no reference but stand inside an EpochGuard: the last
  // reference retires the block instead of deleting it. REQUIRES: the caller holds a reference.
  void AllowBorrowing() { borrowable_ = true; }

  static void operator delete(void* memory);

 private:
  friend class BlockCache;

  explicit MemoryBlock(uint64_t size) : size_(size) {}
  ~MemoryBlock() override = default;
  void OnLastUnref() override {
    if (borrowable_) return EpochRetire(this);
    delete this;
  }

  bool borrowable_ = false;
  uint64_t size_;
  // The cache's, written before it publishes the block: the key.
  uint64_t table_number_ = 0;
  uint64_t offset_ = 0;
  // The cache's, once it has dropped the block: the next one it dropped in the same call.
  MemoryBlock* next_dropped_ = nullptr;
};

class BlockCache {
 public:
  // `capacity` in bytes; 0 caches nothing.
  explicit BlockCache(uint64_t capacity);
  // REQUIRES: no other thread uses it. Blocks that somebody holds live on.
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  struct Key {
    uint64_t table_number = 0;
    uint64_t offset = 0;
  };

  // The block, or null. REQUIRES: inside an EpochGuard.
  const MemoryBlock* Lookup(Key key);
  // Shares the block with the cache and those who will borrow it; where the key is already there,
  // nothing changes. A block larger than a shard's part of the capacity is not taken. REQUIRES:
  // each block is inserted once at most.
  void Insert(Key key, const RefPtr<MemoryBlock>& block);
  // Drops what it holds of a table that is gone. Walks all slots, but hardly a block of other
  // tables.
  void EraseTable(uint64_t table_number);

  uint64_t usage() const;
  uint64_t capacity() const { return capacity_; }
  // How many lookups found their block, and how many did not. Exact while fewer than 64 threads
  // have ever called Lookup; beyond that threads may share a counter, and counts made at the same
  // instant get lost.
  uint64_t hits() const;
  uint64_t misses() const;

 private:
  class SlotArray;
  struct Dropped;
  struct Shard;
  struct Counters;
  struct Place;

  static Place PlaceOf(Key key, uint64_t shard_count);
  static bool Holds(uint64_t word, const Place& place, Key key);

  uint64_t capacity_;
  uint64_t shard_count_;  // a power of two
  uint64_t shard_capacity_;
  std::unique_ptr<Shard[]> shards_;
  std::unique_ptr<Counters[]> counters_;
};

}  // namespace lsm

#endif  // LSM_CACHE_BLOCK_CACHE_H_
