// TableFile: one table on disk, shared by all versions that have a slice of it; and the cache of
// opened tables, which bounds how many are open at once.
//
// Invariants:
// 1. The file is unlinked when it is obsolete (no version of the present or future names it) and
//    the last reference to the TableFile is gone; never after the database was closed, when the
//    name may soon be somebody else's. What is left behind then is removed by the next open.
// 2. An opened Table is taken out of reach before its reference is dropped, so readers inside an
//    EpochGuard go on with it undisturbed.
// 3. A file of another size than the manifest's, or that tells other things of itself, is never
//    opened: kCorruption.

#ifndef LSM_VERSION_TABLE_FILE_H_
#define LSM_VERSION_TABLE_FILE_H_

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "lsm/base/epoch.h"
#include "lsm/base/sync.h"
#include "lsm/env/env.h"
#include "lsm/sstable/table.h"
#include "lsm/version/version_edit.h"

namespace lsm {

class TableFile;

// kCorruption where a table is not the one that the manifest means.
Status CompareWithManifest(const TableMeta& meta, const Table& table);

// Lock order: a stripe before the registry.
class TableCache {
 public:
  // `max_open_tables` at least 1. The directory and the cache of `options` outlive all use.
  TableCache(std::shared_ptr<Directory> directory, const TableReadOptions& options,
             uint64_t max_open_tables);

  // From now on nothing is opened (kClosed), unlinked or dropped from the block cache, and the
  // directory is let go. Idempotent.
  void Close();
  uint64_t open_tables() const;
  // Private memory of the open tables, in bytes.
  uint64_t memory_used() const;

 private:
  friend class TableFile;

  Status Open(const TableFile& file, const Table** table);
  std::shared_ptr<Directory> directory() const;
  void Register(const TableFile& file);
  void Forget(const TableFile& file);
  void RemoveFile(const TableFile& file);

  static constexpr size_t kStripes = 16;

  const TableReadOptions options_;
  const uint64_t max_open_tables_;
  std::array<Mutex, kStripes> stripes_;  // held while a table of the stripe is opened
  mutable Mutex mutex_;
  std::shared_ptr<Directory> directory_ ABSL_GUARDED_BY(mutex_);  // null once closed
  // A clock over the files that have a table open.
  std::vector<const TableFile*> open_ ABSL_GUARDED_BY(mutex_);
  size_t hand_ ABSL_GUARDED_BY(mutex_) = 0;
};

class TableFile final : public RefCounted {
 public:
  TableFile(std::shared_ptr<TableCache> cache, TableMeta meta);

  const TableMeta& meta() const { return meta_; }

  // The opened table, readable until the caller's EpochGuard ends. REQUIRES: inside one.
  Status Get(const Table** table) const {
    *table = table_.load(std::memory_order_seq_cst);
    SchedulePoint();
    if (*table == nullptr) [[unlikely]] {
      Status status = cache_->Open(*this, table);
      EpochCollect();  // opening one may have closed others
      return status;
    }
    // Only the first use since the clock's hand went by writes.
    if (!used_.load(std::memory_order_relaxed)) used_.store(true, std::memory_order_relaxed);
    return Status::Ok();
  }
  Result<RefPtr<const Table>> Share() const;

  // The file goes when the last reference does.
  void MarkObsolete() const { obsolete_.store(true, std::memory_order_release); }

 private:
  friend class TableCache;
  ~TableFile() override = default;
  void OnLastUnref() override;
  // Drops the opened table, if there is one.
  void CloseTable() const;

  const std::shared_ptr<TableCache> cache_;
  const TableMeta meta_;
  mutable std::atomic<const Table*> table_{nullptr};
  mutable std::atomic<bool> used_{false};
  mutable std::atomic<bool> obsolete_{false};
};

}  // namespace lsm

#endif  // LSM_VERSION_TABLE_FILE_H_
