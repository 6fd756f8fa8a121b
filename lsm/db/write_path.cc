#include "lsm/db/write_path.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace lsm {
namespace {

// A group larger than this would make its members wait longer than joining it saves.
constexpr uint64_t kMaxGroupBytes = 1 * kMiB;
// Shorter sleeps than this take much longer than they are asked to, so delays are saved up.
constexpr uint64_t kMinSleepNanos = 500'000;

}  // namespace

WritePath::WritePath(DbContext* context, LogSet* logs, Background* background)
    : context_(context),
      logs_(logs),
      background_(background),
      memtable_(context->read_state.Share()->active().table.get()),
      last_sequence_(context->visible_sequence.load(std::memory_order_acquire)) {}

Status WritePath::Write(const WriteOp& op, bool sync) {
  LSM_RETURN_IF_ERROR(CheckKeySize(op.key));
  LSM_RETURN_IF_ERROR(CheckValueSize(op.value));
  const SingleOpBatch batch(op);
  Writer writer;
  writer.parts = batch.parts();
  for (const std::string_view part : batch.parts()) writer.bytes += part.size();
  writer.count = 1;
  writer.sync = sync;
  writer.single = &op;
  return Commit(&writer);
}

Status WritePath::Write(const WriteBatch& batch, bool sync) {
  const std::array<std::string_view, 1> parts = {batch.bytes()};
  Writer writer;
  writer.parts = parts;
  writer.bytes = batch.bytes().size();
  writer.count = batch.count();
  writer.sync = sync;
  return Commit(&writer);
}

template <typename Work>
Status WritePath::DoAlone(Work work) {
  Writer writer;
  writer.alone = true;
  if (!queue_.Join(&writer)) return writer.status;
  const WriteGroup group = queue_.Group(&writer, 0);
  const Status status = CatchOutOfMemory([&]() -> Status {
    LSM_RETURN_IF_ERROR(background_->fatal_error());
    return work();
  });
  queue_.Complete(group);
  return status;
}

Status WritePath::SwitchMemTable() {
  return DoAlone([this] { return memtable_->empty() ? Status::Ok() : Switch(0, 0, 0); });
}

Status WritePath::Sync() {
  return DoAlone([this] {
    context_->stats.AddSerial(Counter::kLogSyncs);
    const Status status = CatchOutOfMemory([this] { return logs_->SyncAndMark(); });
    return status.ok() ? status : background_->Poison(status);
  });
}

Status WritePath::Commit(Writer* writer) {
  if (!queue_.Join(writer)) return std::move(writer->status);
  const WriteGroup group = queue_.Group(writer, kMaxGroupBytes);
  // Whatever becomes of the group, the queue goes on.
  const Status status = CatchOutOfMemory([&] { return LeadGroup(group); });
  if (!status.ok()) {
    for (Writer& member : group) member.status = status;
  }
  queue_.Complete(group);
  return status;
}

Status WritePath::LeadGroup(const WriteGroup& group) {
  uint64_t bytes = 0;
  uint64_t log_bytes = 0;
  uint32_t count = 0;
  bool sync = false;
  for (const Writer& writer : group) {
    bytes += writer.bytes;
    log_bytes += LogRecordSize(writer.bytes + kLogAlignment);  // a keyspace goes before each batch
    count += writer.count;
    sync |= writer.sync;
  }
  LSM_RETURN_IF_ERROR(background_->fatal_error());
  LSM_RETURN_IF_ERROR(MakeRoom(bytes, count, log_bytes));
  const Status status = CatchOutOfMemory([&] { return CommitGroup(group, sync); });
  if (!status.ok()) return background_->Poison(status);
  context_->stats.AddSerial(Counter::kWriteGroups);
  context_->stats.AddSerial(Counter::kLogBytes, bytes);
  return Status::Ok();
}

Status WritePath::CommitGroup(const WriteGroup& group, bool sync) {
  SequenceNumber sequence = last_sequence_ + 1;
  for (const Writer& writer : group) {
    LSM_RETURN_IF_ERROR(logs_->Append(writer.parts, sequence));
    sequence += writer.count;
  }
  if (sync) {
    context_->stats.AddSerial(Counter::kLogSyncs);
    LSM_RETURN_IF_ERROR(logs_->SyncAndMark());
  }
  sequence = last_sequence_ + 1;
  for (const Writer& writer : group) {
    ApplyToMemTable(writer, sequence);
    sequence += writer.count;
  }
  last_sequence_ = sequence - 1;
  SchedulePoint();
  context_->visible_sequence.store(last_sequence_, std::memory_order_release);
  SchedulePoint();
  return Status::Ok();
}

void WritePath::ApplyToMemTable(const Writer& writer, SequenceNumber sequence) {
  if (writer.single != nullptr) {
    CountOp(writer.single->kind);
    memtable_->Apply(*writer.single, sequence);
  } else {
    BatchReader reader(writer.parts.front());
    std::array<WriteOp, MemTable::kOpsAtOnce> ops;
    while (const size_t count = reader.Next(ops)) {
      const auto read = std::span(ops).first(count);
      for (const WriteOp& op : read) CountOp(op.kind);
      memtable_->Apply(read, sequence);
      sequence += count;
    }
    LSM_DCHECK(reader.ok());
  }
  context_->stats.AddSerial(Counter::kUserBytesWritten, writer.bytes);
}

void WritePath::CountOp(EntryKind kind) {
  switch (kind) {
    case EntryKind::kPut:
      return context_->stats.AddSerial(Counter::kPuts);
    case EntryKind::kDelete:
      return context_->stats.AddSerial(Counter::kDeletes);
    case EntryKind::kRangeDelete:
      return context_->stats.AddSerial(Counter::kRangeDeletes);
  }
}

Status WritePath::MakeRoom(uint64_t bytes, uint32_t count, uint64_t log_bytes) {
  Throttle(bytes);
  const bool full = memtable_->memory_used() >= context_->options.write_buffer_size;
  if (!full && memtable_->HasRoomFor(bytes, count)) [[likely]] {
    if (logs_->HasRoomFor(log_bytes)) [[likely]]
      return Status::Ok();
    // A full disk shows here, before anything of the group is written.
    return logs_->Rotate(log_bytes);
  }
  // Also where the group is larger than any memtable of the usual size: the next one is made to
  // fit.
  return Switch(bytes, count, log_bytes);
}

void WritePath::Throttle(uint64_t bytes) {
  const uint64_t nanos_per_kib =
      background_->StallNanosPerKiB(static_cast<double>(memtable_->memory_used()) /
                                    static_cast<double>(context_->options.write_buffer_size));
  if (nanos_per_kib == 0) [[likely]]
    return;
  delay_nanos_owed_ += nanos_per_kib * bytes / 1024;
  if (delay_nanos_owed_ < kMinSleepNanos) return;
  const uint64_t before = context_->env->NowMicros();
  context_->env->SleepMicros(delay_nanos_owed_ / 1000);
  const uint64_t slept = context_->env->NowMicros() - before;
  delay_nanos_owed_ -= std::min(delay_nanos_owed_, slept * 1000);
  context_->stats.AddSerial(Counter::kStalls);
  context_->stats.AddSerial(Counter::kStallMicros, slept);
}

Status WritePath::Switch(uint64_t bytes, uint32_t count, uint64_t log_bytes) {
  LSM_RETURN_IF_ERROR(background_->WaitForMemTable());
  LSM_ASSIGN_OR_RETURN(RefPtr<MemTable> fresh,
                       context_->NewMemTable(MemTable::ArenaBytesFor(bytes, count)));
  LSM_RETURN_IF_ERROR(logs_->Rotate(log_bytes));
  MemTable* const active = fresh.get();
  const bool has_rows = !memtable_->empty();
  context_->read_state.Update([&](const ReadState& old) {
    std::vector<LoggedMemTable> immutable;
    // An empty one has nothing to flush; its log segments go with those of its predecessor.
    if (has_rows) immutable.push_back(old.active());
    immutable.insert(immutable.end(), old.immutable().begin(), old.immutable().end());
    return MakeRef<ReadState>(LoggedMemTable{std::move(fresh), logs_->active_number()},
                              std::move(immutable), old.shared_version());
  });
  SchedulePoint();
  memtable_ = active;
  if (has_rows) background_->OnMemTableSwitched();
  return Status::Ok();
}

}  // namespace lsm
