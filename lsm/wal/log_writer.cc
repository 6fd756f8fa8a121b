#include "lsm/wal/log_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace lsm {
namespace {

// The only keyspace there is, as the varint that opens a payload.
constexpr char kDefaultKeyspace = 0;
constexpr uint64_t kKeyspaceSize = 1;

}  // namespace

LogWriter::LogWriter(std::unique_ptr<LogFile> file, const LogSegmentHeader& header)
    : file_(std::move(file)),
      number_(header.number),
      base_(header.base),
      limit_(header.base + (header.size - kLogSegmentHeaderSize) / kLogAlignment * kLogAlignment),
      told_(header.known_synced),
      batches_end_(header.base),
      end_(header.base),
      synced_(header.known_synced) {}

Result<std::unique_ptr<LogWriter>> LogWriter::Create(std::unique_ptr<LogFile> file, uint64_t number,
                                                     LogPosition base, LogPosition known_synced) {
  LSM_DCHECK(known_synced <= base && base % kLogAlignment == 0 && base <= kMaxLogPosition);
  LSM_DCHECK(file->size() >= kLogSegmentHeaderSize);
  const LogSegmentHeader header = {
      .number = number, .base = base, .known_synced = known_synced, .size = file->size()};
  LSM_ASSIGN_OR_RETURN(char* const target, file->Reserve(0, kLogSegmentHeaderSize));
  EncodeSegmentHeader(header, target);
  LSM_RETURN_IF_ERROR(file->Commit(0, kLogSegmentHeaderSize));
  LSM_RETURN_IF_ERROR(file->Sync(0, kLogSegmentHeaderSize));
  return std::unique_ptr<LogWriter>(new LogWriter(std::move(file), header));
}

bool LogWriter::HasRoomFor(uint64_t batch_size) const {
  return batch_size <= kMaxBatchSize &&
         LogRecordSize(kKeyspaceSize + batch_size) <= limit_ - end_.load(std::memory_order_relaxed);
}

Status LogWriter::Append(std::span<const std::string_view> parts, SequenceNumber sequence) {
  uint64_t size = kKeyspaceSize;
  for (const std::string_view part : parts) size += part.size();
  char* target;
  LSM_RETURN_IF_ERROR(BeginRecord(size, &target));
  *target++ = kDefaultKeyspace;
  for (const std::string_view part : parts) {
    // A part may be a null view.
    if (part.empty()) continue;
    std::memcpy(target, part.data(), part.size());
    target += part.size();
  }
  LSM_RETURN_IF_ERROR(FinishRecord({.size = static_cast<uint32_t>(size),
                                    .kind = LogRecordKind::kBatch,
                                    .known_synced = synced(),
                                    .sequence = sequence}));
  batches_end_ = end_.load(std::memory_order_relaxed);
  return Status::Ok();
}

Status LogWriter::AppendMark() {
  if (poisoned_.load(std::memory_order_acquire)) [[unlikely]]
    return failure();
  const LogPosition synced = this->synced();
  const bool untold = told_ < std::min(synced, batches_end_);
  if (!untold || LogRecordSize(0) > limit_ - end_.load(std::memory_order_relaxed)) {
    return Status::Ok();
  }
  char* payload;
  LSM_RETURN_IF_ERROR(BeginRecord(0, &payload));
  return FinishRecord({.kind = LogRecordKind::kMark, .known_synced = synced});
}

Status LogWriter::BeginRecord(uint64_t payload_size, char** payload) {
  if (poisoned_.load(std::memory_order_acquire)) [[unlikely]]
    return failure();
  const LogPosition position = end_.load(std::memory_order_relaxed);
  const uint64_t record_size = LogRecordSize(payload_size);
  LSM_DCHECK(record_size <= limit_ - position);
  Result<char*> reserved = file_->Reserve(OffsetOf(position), record_size);
  if (!reserved.ok()) [[unlikely]]
    return Poison(reserved.status());
  record_ = *reserved;
  *payload = record_ + kLogRecordHeaderSize;
  // The last word holds padding, unless the payload fills it and overwrites these zeros.
  if (payload_size > 0) StoreFixed<uint64_t>(record_ + record_size - sizeof(uint64_t), 0);
  return Status::Ok();
}

Status LogWriter::FinishRecord(LogRecordHeader header) {
  const LogPosition position = end_.load(std::memory_order_relaxed);
  const std::string_view padded(record_ + kLogRecordHeaderSize, LogPaddedSize(header.size));
  header.payload_sum = LogPayloadSum(padded, number_, position);
  EncodeRecordHeader(header, number_, position, record_);
  const uint64_t record_size = kLogRecordHeaderSize + padded.size();
  Status committed = file_->Commit(OffsetOf(position), record_size);
  if (!committed.ok()) [[unlikely]]
    return Poison(std::move(committed));
  told_ = header.known_synced;
  SchedulePoint();
  end_.store(position + record_size, std::memory_order_release);
  return Status::Ok();
}

Status LogWriter::Sync() {
  if (poisoned_.load(std::memory_order_acquire)) return failure();
  const LogPosition wanted = end();
  if (synced() >= wanted) return Status::Ok();

  MutexLock lock(&sync_mutex_);
  return SyncUpTo(wanted);
}

Status LogWriter::SyncUpTo(LogPosition wanted) {
  if (poisoned_.load(std::memory_order_acquire)) return failure();
  if (synced() >= wanted) return Status::Ok();
  // What was appended while another sync was waited for comes along.
  const LogPosition end = this->end();
  const LogPosition begin = std::max(synced(), base_);
  if (begin < end) {
    Status status = file_->Sync(OffsetOf(begin), OffsetOf(end));
    if (!status.ok()) return Poison(std::move(status));
  }
  SchedulePoint();
  synced_.store(end, std::memory_order_release);
  return Status::Ok();
}

Status LogWriter::failure() const {
  MutexLock lock(&failure_mutex_);
  return failure_;
}

Status LogWriter::Poison(Status status) {
  MutexLock lock(&failure_mutex_);
  if (failure_.ok()) failure_ = std::move(status);
  poisoned_.store(true, std::memory_order_release);
  return failure_;
}

}  // namespace lsm
