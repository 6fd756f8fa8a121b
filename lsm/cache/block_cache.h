// BlockCache: decompressed blocks of tables, up to a byte budget.
//
// Sharded by key. A shard is an open-addressing table of atomic pointers, walked by readers without a
// lock and without a write; inserts and evictions take the shard's mutex. Eviction is CLOCK: a lookup
// marks its entry only where it is not marked yet, so a hot block costs no shared write.
//
// Invariants:
// 1. What Lookup returns stays readable until the caller's EpochGuard ends, and longer for whoever
//    TryRef()s it.
// 2. usage() counts the blocks the cache holds, at their full allocated size; it exceeds the capacity
//    only while an insert is under way. Blocks that only readers still hold are not counted.
// 3. At most one block a key.

#ifndef LSM_CACHE_BLOCK_CACHE_H_
#define LSM_CACHE_BLOCK_CACHE_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "lsm/base/epoch.h"

namespace lsm {

// A block in memory of its own, header and bytes in one allocation. Filled by its maker, then immutable.
class MemoryBlock final : public RefCounted {
 public:
  // Null where memory is out. `size` bytes, aligned to 16.
  static RefPtr<MemoryBlock> Allocate(uint64_t size);

  char* data() { return reinterpret_cast<char*>(this + 1); }
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  uint64_t size() const { return size_; }
  // What it takes from the heap.
  uint64_t charge() const { return sizeof(MemoryBlock) + size_; }

  static void operator delete(void* memory);

 private:
  explicit MemoryBlock(uint64_t size) : size_(size) {}
  ~MemoryBlock() override = default;
  uint64_t size_;
};

class BlockCache {
 public:
  // `capacity` in bytes; 0 caches nothing.
  explicit BlockCache(uint64_t capacity);
  ~BlockCache();

  struct Key {
    uint64_t table_number = 0;
    uint64_t offset = 0;
  };

  // The block, or null. REQUIRES: inside an EpochGuard.
  const MemoryBlock* Lookup(Key key);
  // Shares the block with the cache; where the key is already there, nothing changes. A block larger
  // than a shard's part of the capacity is not taken.
  void Insert(Key key, const RefPtr<MemoryBlock>& block);
  // Drops what it holds of a table that is gone.
  void EraseTable(uint64_t table_number);

  uint64_t usage() const;
  uint64_t capacity() const { return capacity_; }
  uint64_t hits() const;
  uint64_t misses() const;

 private:
  // … yours
  uint64_t capacity_;
};

}  // namespace lsm

#endif  // LSM_CACHE_BLOCK_CACHE_H_
