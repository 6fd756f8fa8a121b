// Where the data blocks of a table come from: map or read → verify → decompress → cache.
//
// A raw block under a mapping is used where it lies. Whether it was verified, and that others are
// compressed, is remembered in two bits a block, so that from the second use on a raw block costs
// one load. All other blocks are verified each time they are read from the file, and live in memory
// of their own, which the cache may share.
//
// Any thread may fetch.

#ifndef LSM_SSTABLE_BLOCK_FETCH_H_
#define LSM_SSTABLE_BLOCK_FETCH_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "lsm/base/epoch.h"
#include "lsm/base/status.h"
#include "lsm/cache/block_cache.h"
#include "lsm/env/env.h"
#include "lsm/sstable/format.h"
#include "lsm/sstable/index.h"

namespace lsm {

class BlockDictionary;

// A block that BlockReader may trust.
struct FetchedBlock {
  const char* content = nullptr;
  // What keeps it readable; null: the mapping.
  RefPtr<const MemoryBlock> memory;
};

class BlockFetcher {
 public:
  // A table's bytes. All outlive the fetcher.
  struct Source {
    ReadableFile* file = nullptr;
    FileMapping* mapping = nullptr;               // null: blocks are read from the file
    BlockCache* cache = nullptr;                  // null: nothing is cached
    const BlockDictionary* dictionary = nullptr;  // null: no block needs one
    uint64_t file_number = 0;
    std::string_view path;
  };

  // Fetches nothing.
  BlockFetcher() = default;
  BlockFetcher(const Source& source, const IndexReader& index);

  // What a get needs: the content is readable until the caller's EpochGuard ends, longer for who
  // holds a reference to `*memory`, which is null where the block is in the mapping. REQUIRES:
  // inside a guard.
  Status Borrow(uint64_t block, const char** content, const MemoryBlock** memory) const {
    if (StateOf(block) == State::kVerifiedRaw) [[likely]] {
      *content = source_.mapping->data() + index_.offset(block);
      *memory = nullptr;
      return Status::Ok();
    }
    return BorrowSlowly(block, content, memory);
  }
  // What an iterator needs: a block it owns a share of. `fill_cache` false: the cache is asked but
  // not given anything.
  Status Acquire(uint64_t block, bool fill_cache, FetchedBlock* fetched) const;
  // Reads and verifies the block anew, whatever is known or cached. `*memory` holds the content
  // where it is not in the mapping.
  Status ReadFresh(uint64_t block, BlockTrailer* trailer, std::string_view* content,
                   RefPtr<MemoryBlock>* memory) const;
  // The trailer alone, unverified but sane.
  Status ReadTrailer(uint64_t block, BlockTrailer* trailer) const;

  // Asks for the lines that a get in this block reads first. Harmless where there is no mapping.
  void PrefetchBlock(uint64_t block) const;
  // Announces that [offset, offset + size) of the file will soon be read.
  void PrefetchRange(uint64_t offset, uint64_t size) const {
    if (source_.mapping != nullptr) source_.mapping->Prefetch(offset, size);
  }

  uint64_t memory_used() const;

 private:
  // Two bits each.
  enum class State : uint64_t { kUnknown = 0, kVerifiedRaw = 1, kCompressed = 2 };
  static constexpr uint64_t kStatesPerWord = 32;

  State StateOf(uint64_t block) const {
    const uint64_t word = states_[block / kStatesPerWord].load(std::memory_order_relaxed);
    return static_cast<State>(word >> (block % kStatesPerWord * 2) & 3);
  }
  void SetState(uint64_t block, State state) const;
  BlockCache::Key CacheKey(uint64_t block) const {
    return {source_.file_number, index_.offset(block)};
  }

  Status BorrowSlowly(uint64_t block, const char** content, const MemoryBlock** memory) const;
  // Whether the block may be in the cache.
  bool MayBeCached(uint64_t block) const;
  // From the payload that `*content` is to the content, in `*memory`.
  Status Decompress(const StoredBytes& stored, const BlockTrailer& trailer,
                    std::string_view* content, RefPtr<MemoryBlock>* memory) const;
  Status ReadAndShare(uint64_t block, bool fill_cache, const char** content,
                      RefPtr<MemoryBlock>* memory) const;
  // The bytes as they are in the file, in `*memory` where they are not mapped.
  Status ReadStored(uint64_t block, StoredBytes* stored, RefPtr<MemoryBlock>* memory) const;

  Source source_;
  IndexReader index_;
  std::unique_ptr<std::atomic<uint64_t>[]> states_;
};

}  // namespace lsm

#endif  // LSM_SSTABLE_BLOCK_FETCH_H_
