#include "lsm/db/log_set.h"

#include <algorithm>
#include <utility>

#include "lsm/version/file_names.h"

namespace lsm {

LogSet::LogSet(Directory* directory, VersionSet* versions, uint64_t segment_size)
    : directory_(directory), versions_(versions), segment_size_(segment_size) {}

Result<LogSet::NewSegment> LogSet::MakeFile(uint64_t size) {
  NewSegment segment{.file = nullptr, .number = versions_->NewFileNumber()};
  const std::string name = LogFileName(segment.number);
  uint64_t recycled = 0;
  {
    MutexLock lock(&mutex_);
    if (!recycled_.empty()) {
      recycled = recycled_.back();
      recycled_.pop_back();
    }
  }
  if (recycled != 0) {
    auto reused = directory_->ReuseLog(LogFileName(recycled), name, size);
    if (!reused.ok()) (void)directory_->Remove(LogFileName(recycled));
    LSM_ASSIGN_OR_RETURN(segment.file, std::move(reused));
  } else {
    LSM_ASSIGN_OR_RETURN(segment.file, directory_->CreateLog(name, size));
  }
  if (Status synced = directory_->Sync(); !synced.ok()) {
    segment.file.reset();
    (void)directory_->Remove(name);
    return synced;
  }
  return segment;
}

Status LogSet::NameInManifest(const LogSegmentRef& segment,
                              const std::vector<uint64_t>& void_segments) {
  Status status = versions_->Apply({.added_logs = {segment}, .removed_logs = void_segments});
  // After a failed append to the manifest nobody knows whether it names the file.
  if (!status.ok() && status.retryable()) (void)directory_->Remove(LogFileName(segment.number));
  return status;
}

Result<LogSet::NewSegment> LogSet::MakeSegment(uint64_t size,
                                               const std::vector<uint64_t>& void_segments) {
  LSM_ASSIGN_OR_RETURN(NewSegment segment, MakeFile(size));
  LSM_RETURN_IF_ERROR(NameInManifest({segment.number, segment.file->size()}, void_segments));
  return segment;
}

Status LogSet::Activate(NewSegment segment, LogPosition base, LogPosition known_synced) {
  LSM_ASSIGN_OR_RETURN(
      std::shared_ptr<LogWriter> writer,
      LogWriter::Create(std::move(segment.file), segment.number, base, known_synced));
  MutexLock lock(&mutex_);
  if (active_ != nullptr && active_->synced() < active_->end()) unsynced_.push_back(active_);
  SetActive(std::move(writer));
  return Status::Ok();
}

Status LogSet::Start(LogPosition position, LogPosition known_synced,
                     const std::vector<uint64_t>& void_segments) {
  MutexLock making(&spare_mutex_);
  LSM_ASSIGN_OR_RETURN(NewSegment segment, MakeFile(segment_size_));
  const LogSegmentRef named = {segment.number, segment.file->size()};
  // All others may be void, and a log whose first segment has no header is damaged.
  auto writer = LogWriter::Create(std::move(segment.file), segment.number, position, known_synced);
  if (!writer.ok()) {
    (void)directory_->Remove(LogFileName(named.number));
    return writer.status();
  }
  versions_->AdvanceLogSynced(known_synced);
  LSM_RETURN_IF_ERROR(NameInManifest(named, void_segments));
  MutexLock lock(&mutex_);
  SetActive(writer.Take());
  started_at_ = position;
  return Status::Ok();
}

LogSet::NewSegment LogSet::TakeSpare() {
  MutexLock lock(&mutex_);
  return std::move(spare_);
}

Status LogSet::Rotate(uint64_t batch_size) {
  const uint64_t needed = kLogSegmentHeaderSize + LogRecordSize(batch_size + kLogAlignment);
  NewSegment segment = TakeSpare();
  if (segment.file == nullptr) {
    MutexLock making(&spare_mutex_);
    // Somebody may have been making one: segments are used in the order of their numbers.
    segment = TakeSpare();
    if (segment.file == nullptr) {
      LSM_ASSIGN_OR_RETURN(segment, MakeSegment(std::max(segment_size_, needed), {}));
    }
  }
  if (segment.file->size() < needed) {
    MutexLock making(&spare_mutex_);
    const LogSegmentRef small = {segment.number, segment.file->size()};
    LSM_ASSIGN_OR_RETURN(segment, MakeSegment(needed, {small.number}));
    Retire({small});
  }
  return Activate(std::move(segment), active_->end(), active_->synced());
}

Status LogSet::Sync() {
  // Others may be at it. None takes a segment off the list before all of it is durable.
  while (true) {
    std::shared_ptr<LogWriter> writer;
    bool is_active = false;
    {
      MutexLock lock(&mutex_);
      is_active = unsynced_.empty();
      writer = is_active ? active_ : unsynced_.front();
    }
    LSM_RETURN_IF_ERROR(writer->Sync());
    versions_->AdvanceLogSynced(writer->synced());
    MutexLock lock(&mutex_);
    // A rotation meanwhile may have left the active one behind with bytes that came after the sync
    // began: they are not of this call.
    if (is_active) return Status::Ok();
    if (!unsynced_.empty() && unsynced_.front() == writer) unsynced_.pop_front();
  }
}

Status LogSet::SyncAndMark() {
  LSM_RETURN_IF_ERROR(Sync());
  return active_->AppendMark();
}

Status LogSet::PrepareSpare() {
  MutexLock making(&spare_mutex_);
  {
    MutexLock lock(&mutex_);
    if (spare_.file != nullptr) return Status::Ok();
  }
  LSM_ASSIGN_OR_RETURN(NewSegment segment, MakeSegment(segment_size_, {}));
  MutexLock lock(&mutex_);
  spare_ = std::move(segment);
  return Status::Ok();
}

void LogSet::Retire(const std::vector<LogSegmentRef>& segments) {
  for (const LogSegmentRef& segment : segments) {
    {
      MutexLock lock(&mutex_);
      std::erase_if(unsynced_,
                    [&](const auto& writer) { return writer->number() == segment.number; });
      if (recycled_.size() < kMaxRecycled && segment.size == segment_size_) {
        recycled_.push_back(segment.number);
        continue;
      }
    }
    // What cannot be removed now is an orphan that the next open removes.
    (void)directory_->Remove(LogFileName(segment.number));
  }
}

void LogSet::Trim() {
  std::vector<uint64_t> surplus;
  {
    MutexLock lock(&mutex_);
    surplus.swap(recycled_);
  }
  const NewSegment spare = TakeSpare();
  VersionEdit edit;
  if (spare.file != nullptr) edit.removed_logs.push_back(spare.number);
  // Also tells the manifest how far the log is durable, which the log alone could not prove if its
  // end were lost. As long as the manifest names the spare, it stays.
  const bool wanted = spare.file != nullptr || versions_->log_synced() > started_at_;
  if (wanted && versions_->Apply(std::move(edit)).ok() && spare.file != nullptr) {
    surplus.push_back(spare.number);
  }
  for (const uint64_t number : surplus) (void)directory_->Remove(LogFileName(number));
  if (active_ != nullptr) active_->ReleaseTail();
}

}  // namespace lsm
