#include "lsm/version/version_set.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lsm/version/file_names.h"
#include "lsm/wal/log_reader.h"

namespace lsm {
namespace {

// More than are ever handed out between two edits. A file of a higher number was put there by
// somebody else, and stepping over it could use up the numbers.
constexpr uint64_t kMostUnrecordedNumbers = uint64_t{1} << 32;

void Raise(std::atomic<uint64_t>* value, uint64_t least) {
  uint64_t known = value->load(std::memory_order_relaxed);
  while (known < least && !value->compare_exchange_weak(known, least, std::memory_order_acq_rel)) {
  }
}

}  // namespace

VersionSet::VersionSet(std::shared_ptr<Directory> directory, std::shared_ptr<TableCache> cache)
    : directory_(std::move(directory)), cache_(std::move(cache)), current_(MakeRef<Version>()) {}

Result<std::unique_ptr<VersionSet>> VersionSet::Create(std::shared_ptr<Directory> directory,
                                                       std::shared_ptr<TableCache> cache) {
  std::unique_ptr<VersionSet> set(new VersionSet(std::move(directory), std::move(cache)));
  LSM_RETURN_IF_ERROR(set->BeginWriting());
  return set;
}

Result<std::unique_ptr<VersionSet>> VersionSet::Recover(std::shared_ptr<Directory> directory,
                                                        std::shared_ptr<TableCache> cache) {
  LSM_ASSIGN_OR_RETURN(const uint64_t number, ReadCurrentManifest(directory.get()));
  std::unique_ptr<VersionSet> set(new VersionSet(std::move(directory), std::move(cache)));
  auto file = set->directory_->OpenForReading(ManifestFileName(number));
  if (!file.ok()) {
    const Status status = file.status().WithContext(
        "CURRENT names a manifest that cannot be opened; restore it from a backup");
    // "No such file" would read as "no such database".
    return status.errnum() == ENOENT ? status.WithCode(Code::kCorruption) : status;
  }
  const std::string path = (*file)->path();
  LSM_RETURN_IF_ERROR(ReadManifest(file.Take(), number, [&](const ManifestRecord& record) {
    return set->Replay(record, path);
  }));
  {
    MutexLock lock(&set->mutex_);
    set->manifest_number_ = number;
  }
  LSM_RETURN_IF_ERROR(set->CheckFiles());
  return set;
}

Status VersionSet::Replay(const ManifestRecord& record, const std::string& path) {
  if (record.is_mark) return Status::Ok();
  const VersionEdit& edit = record.edit;
  MutexLock lock(&mutex_);
  auto version = current_->Apply(edit, cache_);
  if (!version.ok()) return Status::Corruption(path, record.offset, version.status().message());
  Status logs = ApplyToLogs(edit, &logs_);
  if (!logs.ok()) return Status::Corruption(path, record.offset, logs.message());
  current_ = version.Take();
  if (edit.next_file_number) next_file_number_ = *edit.next_file_number;
  if (edit.next_run_id) next_run_id_ = *edit.next_run_id;
  if (edit.last_sequence) last_sequence_ = *edit.last_sequence;
  if (edit.log_synced) AdvanceLogSynced(*edit.log_synced);
  return Status::Ok();
}

Status VersionSet::ApplyToLogs(const VersionEdit& edit, Logs* logs) {
  for (const uint64_t number : edit.removed_logs) {
    if (logs->erase(number) == 0) {
      return Status::Internal(
          absl::StrCat("the edit removes log ", number, ", which is not there"));
    }
  }
  for (const LogSegmentRef& log : edit.added_logs) {
    if (!logs->emplace(log.number, log.size).second) {
      return Status::Internal(absl::StrCat("the edit adds log ", log.number, " a second time"));
    }
  }
  return Status::Ok();
}

Status VersionSet::CheckFiles() const {
  LSM_ASSIGN_OR_RETURN(const auto entries, directory_->List());
  std::map<std::string, uint64_t> sizes;
  std::vector<uint64_t> unknown_logs;  // whose numbers the manifest has not handed out
  for (const DirectoryEntry& entry : entries) {
    FileType type;
    uint64_t number;
    if (!ParseFileName(entry.name, &type, &number)) continue;
    if (!entry.is_regular_file) {
      return Status::Corruption(directory_->PathOf(entry.name), 0,
                                "expected a regular file; something else was put in its place");
    }
    sizes.emplace(entry.name, entry.size);
    if (type == FileType::kLog && number >= next_file_number_) unknown_logs.push_back(number);
  }
  Status damage;
  const auto expect = [&](const std::string& name, uint64_t size) {
    const auto found = sizes.find(name);
    if (!damage.ok()) return;
    if (found == sizes.end()) {
      damage =
          Status::Corruption(directory_->PathOf(name), 0,
                             "the manifest names this file, but it is missing; restore it from "
                             "a backup");
    } else if (found->second != size) {
      damage = Status::Corruption(
          directory_->PathOf(name), std::min(found->second, size),
          absl::StrCat("the file has ", found->second, " bytes, the manifest says ", size,
                       "; restore it from a backup"));
    }
  };
  {
    MutexLock lock(&mutex_);
    current_->VisitTables([&](const TableFile& file) {
      expect(TableFileName(file.meta().number), file.meta().file_size);
    });
    for (const auto& [number, size] : logs_) {
      expect(LogFileName(number), size);
      std::erase(unknown_logs, number);
    }
  }
  LSM_RETURN_IF_ERROR(damage);
  for (const uint64_t number : unknown_logs) LSM_RETURN_IF_ERROR(CheckUnnamedLog(number));
  return Status::Ok();
}

// A segment is named by a durable edit, which records that its number is taken, before its first
// record is written.
Status VersionSet::CheckUnnamedLog(uint64_t number) const {
  LSM_ASSIGN_OR_RETURN(auto file, directory_->OpenForReading(LogFileName(number)));
  const std::string path = file->path();
  std::vector<LogReader::Segment> segments;
  segments.push_back({number, std::move(file)});
  LogReader reader(std::move(segments));
  LogRecord record;
  const Status status = reader.Next(&record);
  // Not a segment, or one that was not begun: what a crash may leave.
  if (status.Is(Code::kEnd) || status.Is(Code::kCorruption)) return Status::Ok();
  LSM_RETURN_IF_ERROR(status);
  return Status::Corruption(
      path, record.offset,
      absl::StrCat("the segment holds log records, but ", ManifestFileName(manifest_number()),
                   " does not know of it: the manifest has lost its last edits; restore it from a "
                   "backup"));
}

Status VersionSet::BeginWriting() {
  MutexLock apply(&apply_mutex_);
  RefPtr<const Version> version;
  Logs logs;
  uint64_t highest = next_file_number_;
  // A number that a lost edit had handed out may have left its file behind: step over all that is
  // there.
  LSM_ASSIGN_OR_RETURN(const auto entries, directory_->List());
  for (const DirectoryEntry& entry : entries) {
    FileType type;
    uint64_t number;
    if (!ParseFileName(entry.name, &type, &number) || number < highest) continue;
    if (number - next_file_number_ < kMostUnrecordedNumbers) highest = number + 1;
  }
  next_file_number_ = highest;
  {
    MutexLock lock(&mutex_);
    version = current_;
    logs = logs_;
  }
  LSM_RETURN_IF_ERROR(Roll(*version, logs));
  return RemoveOrphans();
}

Status VersionSet::RemoveOrphans() {
  LSM_ASSIGN_OR_RETURN(const auto entries, directory_->List());
  MutexLock lock(&mutex_);
  for (const DirectoryEntry& entry : entries) {
    FileType type;
    uint64_t number;
    if (!ParseFileName(entry.name, &type, &number)) continue;
    bool wanted = true;
    switch (type) {
      case FileType::kCurrent:
        break;
      case FileType::kCurrentTemp:
        wanted = false;
        break;
      case FileType::kManifest:
        wanted = number == manifest_number_;
        break;
      case FileType::kLog:
        wanted = logs_.contains(number);
        break;
      case FileType::kTable:
        wanted = current_->HasTable(number);
        break;
    }
    if (!wanted) LSM_RETURN_IF_ERROR(directory_->Remove(entry.name));
  }
  return Status::Ok();
}

RefPtr<const Version> VersionSet::current() const {
  MutexLock lock(&mutex_);
  return current_;
}

std::vector<LogSegmentRef> VersionSet::logs() const {
  MutexLock lock(&mutex_);
  std::vector<LogSegmentRef> logs;
  for (const auto& [number, size] : logs_) logs.push_back({number, size});
  return logs;
}

uint64_t VersionSet::manifest_number() const {
  MutexLock lock(&mutex_);
  return manifest_number_;
}

void VersionSet::AdvanceLastSequence(SequenceNumber sequence) { Raise(&last_sequence_, sequence); }

void VersionSet::AdvanceLogSynced(LogPosition position) { Raise(&log_synced_, position); }

VersionEdit VersionSet::Describe(const Version& version, const Logs& logs) const {
  VersionEdit state;
  state.next_file_number = next_file_number_.load(std::memory_order_relaxed);
  state.next_run_id = next_run_id_.load(std::memory_order_relaxed);
  state.last_sequence = last_sequence();
  state.log_synced = log_synced();
  for (const auto& [number, size] : logs) state.added_logs.push_back({number, size});
  state.added_slices = version.Describe();
  return state;
}

Status VersionSet::Roll(const Version& version, const Logs& logs) {
  const uint64_t number = NewFileNumber();
  LSM_ASSIGN_OR_RETURN(auto manifest,
                       ManifestWriter::Create(directory_.get(), number, Describe(version, logs)));
  // Durable under its name before CURRENT bears that name.
  LSM_RETURN_IF_ERROR(directory_->Sync());
  const Status status =
      CatchOutOfMemory([&] { return SetCurrentManifest(directory_.get(), number); });
  // CURRENT may name either manifest after a crash. Both hold what was applied so far only as long
  // as nothing is applied to either.
  if (!status.ok()) {
    poison_ = FinalStatus(status, "the manifest could not be replaced; reopen the database");
    return poison_;
  }
  uint64_t old_number;
  {
    MutexLock lock(&mutex_);
    old_number = std::exchange(manifest_number_, number);
  }
  manifest_ = std::move(manifest);
  // Failing to remove the old file leaves an orphan for the next open.
  if (old_number != 0) {
    (void)CatchOutOfMemory([&] { return directory_->Remove(ManifestFileName(old_number)); });
  }
  return Status::Ok();
}

Status VersionSet::Apply(VersionEdit edit) {
  MutexLock apply(&apply_mutex_);
  LSM_RETURN_IF_ERROR(poison_);
  LSM_DCHECK(manifest_ != nullptr);
  for (const AddedSlice& added : edit.added_slices) AdvanceLastSequence(added.table.max_sequence);
  edit.next_file_number = next_file_number_.load(std::memory_order_relaxed);
  edit.next_run_id = next_run_id_.load(std::memory_order_relaxed);
  edit.last_sequence = last_sequence();
  edit.log_synced = log_synced();

  RefPtr<const Version> base;
  Logs logs;
  {
    MutexLock lock(&mutex_);
    base = current_;
    logs = logs_;
  }
  LSM_ASSIGN_OR_RETURN(auto version, base->Apply(edit, cache_));
  LSM_RETURN_IF_ERROR(ApplyToLogs(edit, &logs));

  const std::string bytes = EncodeVersionEdit(edit);
  if (manifest_->HasRoomFor(bytes)) {
    const Status status = CatchOutOfMemory(
        [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mutex_) { return manifest_->Append(bytes); });
    // Full disks included: the edit may be in the file all the same.
    if (!status.ok()) {
      poison_ = FinalStatus(status, "the manifest could not be written; reopen the database");
      return poison_;
    }
  } else {
    LSM_RETURN_IF_ERROR(Roll(*version, logs));
  }
  Install(std::move(version), std::move(logs));
  return Status::Ok();
}

void VersionSet::Install(RefPtr<const Version> version, Logs logs) {
  RefPtr<const Version> old;
  {
    MutexLock lock(&mutex_);
    old = std::move(current_);
    current_ = version;
    logs_ = std::move(logs);
  }
  old->VisitTables([&](const TableFile& file) {
    if (!version->HasTable(file.meta().number)) file.MarkObsolete();
  });
}

}  // namespace lsm
