#include "lsm/version/table_file.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lsm/version/file_names.h"

namespace lsm {

Status CompareWithManifest(const TableMeta& meta, const Table& table) {
  const TableProperties& properties = table.properties();
  const auto damage = [&](std::string_view what) {
    return Status::Corruption(
        table.path(), table.footer().properties.offset,
        absl::StrCat("this is not the table that the manifest names, but one of another time or "
                     "database: it has ",
                     what, "; restore the file from a backup"));
  };
  const auto differs = [&](std::string_view what, uint64_t of_table, uint64_t of_manifest) {
    return damage(absl::StrCat(what, " ", of_table, ", the manifest says ", of_manifest));
  };
  if (properties.entry_count != meta.entry_count) {
    return differs("an entry count of", properties.entry_count, meta.entry_count);
  }
  if (properties.delete_count != meta.delete_count) {
    return differs("a deletion count of", properties.delete_count, meta.delete_count);
  }
  if (properties.range_tombstone_count != meta.range_tombstone_count) {
    return differs("a range tombstone count of", properties.range_tombstone_count,
                   meta.range_tombstone_count);
  }
  if (properties.min_sequence != meta.min_sequence) {
    return differs("a lowest sequence number of", properties.min_sequence, meta.min_sequence);
  }
  if (properties.max_sequence != meta.max_sequence) {
    return differs("a highest sequence number of", properties.max_sequence, meta.max_sequence);
  }
  if (properties.entry_count > 0 && (!meta.range.Contains(properties.smallest_key) ||
                                     !meta.range.Contains(properties.largest_key))) {
    return damage("keys outside the range that the manifest gives it");
  }
  return Status::Ok();
}

TableCache::TableCache(std::shared_ptr<Directory> directory, const TableReadOptions& options,
                       uint64_t max_open_tables)
    : options_(options), max_open_tables_(max_open_tables), directory_(std::move(directory)) {}

void TableCache::Close() {
  std::shared_ptr<Directory> directory;
  MutexLock lock(&mutex_);
  directory.swap(directory_);
}

std::shared_ptr<Directory> TableCache::directory() const {
  MutexLock lock(&mutex_);
  return directory_;
}

uint64_t TableCache::open_tables() const {
  MutexLock lock(&mutex_);
  return open_.size();
}

uint64_t TableCache::memory_used() const {
  EpochGuard guard;
  MutexLock lock(&mutex_);
  uint64_t total = 0;
  for (const TableFile* file : open_) {
    const Table* table = file->table_.load(std::memory_order_seq_cst);
    if (table != nullptr) total += table->memory_used();
  }
  return total;
}

Status TableCache::Open(const TableFile& file, const Table** table) {
  const TableMeta& meta = file.meta();
  MutexLock stripe(&stripes_[meta.number % kStripes]);
  *table = file.table_.load(std::memory_order_seq_cst);
  if (*table != nullptr) return Status::Ok();
  const auto directory = this->directory();
  if (directory == nullptr) return Status(Code::kClosed, "the database was closed");
  LSM_ASSIGN_OR_RETURN(auto handle, directory->OpenForReading(TableFileName(meta.number)));
  if (handle->size() != meta.file_size) {
    return Status::Corruption(
        handle->path(), std::min(handle->size(), meta.file_size),
        absl::StrCat("the table has ", handle->size(), " bytes, the manifest says ", meta.file_size,
                     "; restore the file from a backup"));
  }
  LSM_ASSIGN_OR_RETURN(RefPtr<Table> opened, Table::Open(std::move(handle), meta.number, options_));
  LSM_RETURN_IF_ERROR(CompareWithManifest(meta, *opened));
  *table = opened.get();
  file.used_.store(true, std::memory_order_relaxed);
  file.table_.store(opened.Release(), std::memory_order_seq_cst);
  Register(file);
  return Status::Ok();
}

void TableCache::Register(const TableFile& file) {
  MutexLock lock(&mutex_);
  open_.push_back(&file);
  // Two turns of the hand always find one that was not used since the first.
  for (size_t steps = 2 * open_.size(); open_.size() > max_open_tables_ && steps > 0; --steps) {
    if (hand_ >= open_.size()) hand_ = 0;
    const TableFile* candidate = open_[hand_];
    if (candidate == &file || candidate->used_.exchange(false, std::memory_order_relaxed)) {
      ++hand_;
      continue;
    }
    open_[hand_] = open_.back();
    open_.pop_back();
    candidate->CloseTable();
  }
}

void TableCache::Forget(const TableFile& file) {
  MutexLock lock(&mutex_);
  const auto found = std::find(open_.begin(), open_.end(), &file);
  if (found == open_.end()) return;
  *found = open_.back();
  open_.pop_back();
}

void TableCache::RemoveFile(const TableFile& file) {
  MutexLock lock(&mutex_);
  if (directory_ == nullptr) return;
  const uint64_t number = file.meta().number;
  if (options_.cache != nullptr) options_.cache->EraseTable(number);
  // A file that cannot be removed now is an orphan that the next open removes.
  (void)directory_->Remove(TableFileName(number));
}

TableFile::TableFile(std::shared_ptr<TableCache> cache, TableMeta meta)
    : cache_(std::move(cache)), meta_(std::move(meta)) {}

Result<RefPtr<const Table>> TableFile::Share() const {
  EpochGuard guard;
  const Table* table;
  // An eviction between the two steps is rare; the table is then opened again.
  do {
    LSM_RETURN_IF_ERROR(Get(&table));
  } while (!table->TryRef());
  return RefPtr<const Table>::Adopt(table);
}

void TableFile::CloseTable() const {
  const Table* table = table_.exchange(nullptr, std::memory_order_seq_cst);
  if (table != nullptr) table->Unref();
}

void TableFile::OnLastUnref() {
  cache_->Forget(*this);
  CloseTable();
  if (obsolete_.load(std::memory_order_acquire)) cache_->RemoveFile(*this);
  EpochRetire(this);
}

}  // namespace lsm
