// Table: reads a table file (format.h) through a mapping, or through plain reads where asked to.
//
// Invariants:
// 1. Every byte is checked before it is believed: footer, index, filter, tombstones and properties
//    when the table is opened, each data block before its first use. Raw blocks are served from the
//    mapping and checked once (a bit a block remembers it); compressed ones are checked,
//    decompressed and kept in the cache.
// 2. A damaged block fails the reads that need it, with file and offset, and no others.
// 3. The table keeps its mapping; the file may be unlinked meanwhile.
//
// Any thread may use a table; an iterator belongs to one thread at a time.

#ifndef LSM_SSTABLE_TABLE_H_
#define LSM_SSTABLE_TABLE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/base/entry.h"
#include "lsm/base/epoch.h"
#include "lsm/base/status.h"
#include "lsm/cache/block_cache.h"
#include "lsm/env/env.h"
#include "lsm/filter/bloom.h"
#include "lsm/iterator/iterator.h"
#include "lsm/iterator/range_tombstones.h"
#include "lsm/sstable/block_fetch.h"
#include "lsm/sstable/compression.h"
#include "lsm/sstable/format.h"
#include "lsm/sstable/index.h"

namespace lsm {

struct TableReadOptions {
  // Null: nothing is cached.
  BlockCache* cache = nullptr;
  // False reads into private memory and never maps.
  bool map = true;
};

class Table : public RefCounted {
 public:
  // `expected_number`: what the footer must say, or kAnyNumber for a file that no manifest vouches
  // for.
  static constexpr uint64_t kAnyNumber = UINT64_MAX;
  static Result<RefPtr<Table>> Open(std::unique_ptr<ReadableFile> file, uint64_t expected_number,
                                    const TableReadOptions& options);
  ~Table() override;

  struct Lookup {
    enum class State : uint8_t { kAbsent, kDeleted, kFound };
    State state = State::kAbsent;
    SequenceNumber sequence = 0;  // of the version found, unless kAbsent
    std::string_view value;       // for kFound
    // What keeps `value` readable beyond the caller's EpochGuard, if TryRef() succeeds; copy
    // otherwise.
    const RefCounted* owner = nullptr;
  };
  // The newest version of `key` with sequence <= snapshot, entries only. `key_hash` is
  // HashKey(key). REQUIRES: inside an EpochGuard, which keeps the result readable.
  Status Get(std::string_view key, uint64_t key_hash, SequenceNumber snapshot,
             Lookup* lookup) const;
  // False: Get would find nothing. Touches the filter alone.
  bool MayContain(uint64_t key_hash) const;

  // How an iterator uses the cache: kShort fills it (seeks, short scans); kLong looks but leaves it
  // alone (compactions, exports, verification).
  enum class ScanKind { kShort, kLong };
  // Holds a reference to the table.
  std::unique_ptr<EntryIterator> NewIterator(ScanKind kind) const;

  const FragmentedRangeTombstones& tombstones() const { return tombstones_; }
  // As they were written.
  std::span<const RangeTombstone> raw_tombstones() const { return raw_tombstones_; }
  const TableProperties& properties() const { return properties_; }
  const TableFooter& footer() const { return footer_; }
  uint64_t file_number() const { return footer_.file_number; }
  uint64_t file_size() const { return file_size_; }
  const std::string& path() const { return path_; }
  // Private memory it takes: what is not mapped.
  uint64_t memory_used() const;

  // Roughly how many bytes of data blocks lie before `key`.
  uint64_t ApproximateOffset(std::string_view key) const { return index_.OffsetOf(key); }

  // The block layout, for tools: blocks in order.
  struct BlockInfo {
    FileRange range;
    BlockCompression compression = BlockCompression::kRaw;
    uint64_t content_size = 0;
    uint64_t row_count = 0;
    std::string_view
        separator;  // >= every key in it, < every key behind it (or equal: versions go on)
  };
  Status VisitBlocks(const std::function<Status(const BlockInfo&)>& visit) const;

  // Checks all there is: every sum, the order of entries, index against blocks, that the filter
  // holds every key, and the properties against what they count. `on_error` (nullable) is called
  // for each damage found; the first one is returned. `on_bytes` (nullable) is told of progress and
  // may abort the work with a failed status, which is then returned.
  struct DamageInfo {
    Status status;
    std::string first_key;  // the keys at stake: [first_key, last_key]
    std::string last_key;
  };
  Status Verify(const std::function<void(const DamageInfo&)>& on_error,
                const std::function<Status(uint64_t bytes)>& on_bytes) const;

 private:
  friend class TableIterator;
  friend class TableVerifier;

  struct FreeAligned {
    void operator()(char* memory) const;
  };
  using AlignedMemory = std::unique_ptr<char[], FreeAligned>;

  Table(std::unique_ptr<ReadableFile> file, const TableReadOptions& options);
  Status ReadFooter(uint64_t expected_number);
  Status ReadSections();
  Status ReadSection(const FileRange& range, std::string_view* content);
  Status Damaged(const FileRange& range, std::string_view what) const;

  const std::string path_;
  const uint64_t file_size_;
  std::unique_ptr<ReadableFile> file_;    // null once it is mapped
  std::unique_ptr<FileMapping> mapping_;  // null: read
  BlockCache* const cache_;
  // Sections of a table that is not mapped.
  std::vector<AlignedMemory> section_memory_;
  uint64_t section_memory_size_ = 0;

  TableFooter footer_;
  TableProperties properties_;
  IndexReader index_;
  BloomFilter filter_;
  std::unique_ptr<const BlockDictionary> dictionary_;  // null: no block needs one
  std::vector<RangeTombstone> raw_tombstones_;
  FragmentedRangeTombstones tombstones_;
  BlockFetcher fetcher_;
};

}  // namespace lsm

#endif  // LSM_SSTABLE_TABLE_H_
