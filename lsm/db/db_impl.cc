#include "lsm/db/db_impl.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "lsm/base/write_batch.h"
#include "lsm/db/properties.h"
#include "lsm/db/read_path.h"
#include "lsm/db/recovery.h"
#include "lsm/version/file_names.h"

namespace lsm {
namespace {

// A memtable larger than this is flushed by Close, so that the next open need not replay it; a
// small one is left to the log, so that a short visit leaves no small table behind.
constexpr uint64_t kFlushAtClose = 4 * kMiB;

// Log records are a little larger than memtable entries of the same rows, so this makes a segment
// and a memtable fill up together.
uint64_t SegmentSize(const Options& options) {
  return std::clamp(options.write_buffer_size + options.write_buffer_size / 4, 64 * kKiB, 1 * kGiB);
}

bool Sampled() {
  static thread_local uint32_t calls = 0;
  return ++calls % Stats::kSampleEvery == 0;
}

Status ClosedStatus() { return Status(Code::kClosed, "the database was closed"); }

Status ForkedStatus() {
  return Status::InvalidArgument(
      "the handle was inherited across a fork; open the database again in the child, after the "
      "parent closed it");
}

}  // namespace

thread_local const DbImpl* DbImpl::compacting_ = nullptr;

DbImpl::DbImpl(Env* env, const Options& options) : fork_generation_(ForkGeneration()) {
  context_.env = env;
  context_.options = ResolveOptions(options);
  context_.arenas =
      std::make_shared<ArenaPool>(context_.options.write_buffer_size, kMaxMemtables - 1);
  context_.block_cache = std::make_unique<BlockCache>(context_.options.block_cache_size);
}

DbImpl::~DbImpl() {
  if (!closed_.load(std::memory_order_acquire)) (void)Close();
  // Init was left by an exception.
  if (context_.directory != nullptr) Release();
}

Result<std::shared_ptr<Db>> Db::Open(Env* env, const std::string& path, const Options& options) {
  auto db = std::make_shared<DbImpl>(env, options);
  LSM_RETURN_IF_ERROR(db->Init(path));
  return std::shared_ptr<Db>(std::move(db));
}

Status DbImpl::Init(const std::string& path) {
  Status status = OpenStorage(&context_, path);
  if (status.ok()) status = context_.options.read_only ? StartReadOnly() : StartWriting();
  if (status.ok()) {
    closed_.store(false, std::memory_order_release);
    return status;
  }
  Release();
  // Nothing is held or half done now, so what there was too little of is all that stands in the way
  // of the next attempt.
  const bool may_retry = status.Is(Code::kOutOfMemory) || status.Is(Code::kNoSpace);
  return may_retry ? status.WithRetryable(true) : status;
}

void DbImpl::PublishReplayed(std::vector<LoggedMemTable> memtables, uint64_t first_log) {
  LoggedMemTable active = std::move(memtables.front());
  memtables.erase(memtables.begin());
  if (active.table->empty()) active.first_log = first_log;
  context_.read_state.Publish(
      MakeRef<ReadState>(std::move(active), std::move(memtables), context_.versions->current()));
}

Status DbImpl::StartReadOnly() {
  LSM_ASSIGN_OR_RETURN(ReplayedLog log, ReplayLog(&context_, nullptr));
  if (log.memtables.empty()) {
    LSM_ASSIGN_OR_RETURN(auto empty, context_.NewMemTable(0));
    log.memtables.push_back({std::move(empty), 0});
  }
  context_.visible_sequence.store(log.last_sequence, std::memory_order_release);
  PublishReplayed(std::move(log.memtables), 0);
  return Status::Ok();
}

Status DbImpl::StartWriting() {
  VersionSet& versions = *context_.versions;
  logs_ =
      std::make_unique<LogSet>(context_.directory.get(), &versions, SegmentSize(context_.options));
  background_ = std::make_unique<Background>(&context_, logs_.get());
  // Nothing is written before all that is there is known to be sound. A log that goes to tables is
  // therefore read twice.
  const bool spill = IsLogTooLong(context_);
  ReplayedLog log;
  if (spill) {
    LSM_RETURN_IF_ERROR(CheckLog(context_.directory.get(), versions, nullptr));
    LSM_RETURN_IF_ERROR(versions.BeginWriting());
    const auto flush = [this](const RefPtr<MemTable>& memtable) {
      return background_->FlushMemTable(memtable);
    };
    LSM_ASSIGN_OR_RETURN(log, ReplayLog(&context_, flush));
    LSM_RETURN_IF_ERROR(log.Flush(flush, versions.logs()));
  } else {
    LSM_ASSIGN_OR_RETURN(log, ReplayLog(&context_, nullptr));
    LSM_RETURN_IF_ERROR(versions.BeginWriting());
  }
  versions.AdvanceLastSequence(log.last_sequence);
  context_.visible_sequence.store(log.last_sequence, std::memory_order_release);
  LSM_RETURN_IF_ERROR(SyncReplayedLog(context_, log));
  LSM_RETURN_IF_ERROR(logs_->Start(log.end, /*known_synced=*/log.end, log.void_segments));
  for (const uint64_t number : log.void_segments) {
    (void)context_.directory->Remove(LogFileName(number));
  }
  if (log.memtables.empty()) {
    LSM_ASSIGN_OR_RETURN(auto empty, context_.NewMemTable(0));
    log.memtables.push_back({std::move(empty), 0});
  }
  PublishReplayed(std::move(log.memtables), logs_->active_number());
  write_path_ = std::make_unique<WritePath>(&context_, logs_.get(), background_.get());
  return background_->Start();
}

DbImpl::Call::Call(DbImpl* db) : db_(db) {
  db->calls_.fetch_add(1, std::memory_order_seq_cst);
  SchedulePoint();
  if (db->closed_.load(std::memory_order_seq_cst)) [[unlikely]] {
    status_ = ClosedStatus();
  } else if (ForkGeneration() != db->fork_generation_) [[unlikely]] {
    status_ = ForkedStatus();
  }
}

Status DbImpl::CheckWritable() const {
  if (!context_.options.read_only) [[likely]]
    return Status::Ok();
  return Status(Code::kReadOnly, "the database was opened with read_only=true");
}

Status DbImpl::CheckSnapshot(const Snapshot* snapshot) const {
  if (snapshot == nullptr || snapshot->list() == context_.snapshots.get()) [[likely]]
    return Status::Ok();
  return Status::InvalidArgument("the snapshot is of another database");
}

template <typename W>
Status DbImpl::WriteAny(const W& what, bool sync) {
  const Call call(this);
  LSM_RETURN_IF_ERROR(call.status());
  LSM_RETURN_IF_ERROR(CheckWritable());
  if (!Sampled()) [[likely]]
    return write_path_->Write(what, sync);
  const uint64_t before = context_.env->NowMicros();
  Status status = write_path_->Write(what, sync);
  context_.stats.AddLatency(Timed::kWrite, context_.env->NowMicros() - before);
  return status;
}

Status DbImpl::Write(const WriteOp& op, bool sync) { return WriteAny(op, sync); }

Status DbImpl::Write(const WriteBatch& batch, bool sync) {
  if (batch.count() == 0) {
    const Call call(this);
    LSM_RETURN_IF_ERROR(call.status());
    LSM_RETURN_IF_ERROR(CheckWritable());
    // There is nothing to write, but what was written before is to become durable all the same.
    return sync ? write_path_->Sync() : Status::Ok();
  }
  return WriteAny(batch, sync);
}

Status DbImpl::Get(const Snapshot* snapshot, std::string_view key, Value* value) {
  LSM_RETURN_IF_ERROR(CheckKeySize(key));
  LSM_RETURN_IF_ERROR(CheckSnapshot(snapshot));
  const ReadState* state = context_.read_state.Borrow();
  SchedulePoint();
  if (closed_.load(std::memory_order_seq_cst) || state == nullptr) [[unlikely]]
    return ClosedStatus();
  const bool sampled = Sampled();
  const uint64_t before = sampled ? context_.env->NowMicros() : 0;
  const SequenceNumber sequence = snapshot != nullptr
                                      ? snapshot->sequence()
                                      : context_.visible_sequence.load(std::memory_order_acquire);
  SchedulePoint();
  Status status = GetFrom(*state, sequence, key, value);
  context_.stats.Add(Counter::kGets);
  if (status.ok()) context_.stats.Add(Counter::kGetHits);
  if (sampled) context_.stats.AddLatency(Timed::kGet, context_.env->NowMicros() - before);
  return status;
}

Result<std::unique_ptr<Scan>> DbImpl::NewScan(const Snapshot* snapshot, KeyRangeView range) {
  const Call call(this);
  LSM_RETURN_IF_ERROR(call.status());
  LSM_RETURN_IF_ERROR(CheckSnapshot(snapshot));
  if (range.begin > range.end) {
    return Status::InvalidArgument("the range begins after its end; swap the bounds");
  }
  context_.stats.Add(Counter::kScans);
  // The state must have been current when the number was read: a newer number could name rows that
  // only a newer memtable has, an older one versions that a newer state has dropped.
  SequenceNumber sequence = 0;
  RefPtr<const ReadState> state = context_.read_state.ShareAround(
      [&] { sequence = context_.visible_sequence.load(std::memory_order_seq_cst); });
  if (snapshot != nullptr) sequence = snapshot->sequence();
  return NewScanOver(std::move(state), sequence, range);
}

Result<std::unique_ptr<Snapshot>> DbImpl::NewSnapshot() {
  const Call call(this);
  LSM_RETURN_IF_ERROR(call.status());
  const SequenceNumber sequence = context_.snapshots->Acquire(
      [this] { return context_.visible_sequence.load(std::memory_order_seq_cst); });
  return std::make_unique<Snapshot>(context_.snapshots, sequence);
}

Status DbImpl::Flush() {
  const Call call(this);
  LSM_RETURN_IF_ERROR(call.status());
  LSM_RETURN_IF_ERROR(CheckWritable());
  LSM_RETURN_IF_ERROR(write_path_->SwitchMemTable());
  return background_->WaitForFlush();
}

Status DbImpl::CompactRange(KeyRangeView range, const ProgressFn& progress) {
  if (compacting_ == this) {
    return Status(Code::kBusy,
                  "a compaction cannot be started from the progress callback of another");
  }
  const Call call(this);
  LSM_RETURN_IF_ERROR(call.status());
  LSM_RETURN_IF_ERROR(CheckWritable());
  if (range.begin > range.end) {
    return Status::InvalidArgument("the range begins after its end; swap the bounds");
  }
  if (range.begin == range.end) return Status::Ok();
  ProgressReporter reporter(progress);
  const absl::Cleanup restore = [outer = std::exchange(compacting_, this)] { compacting_ = outer; };
  Status status = reporter.BeginFlush();
  if (status.ok()) status = write_path_->SwitchMemTable();
  if (status.ok()) status = background_->WaitForFlush();
  if (status.ok()) {
    status = background_->CompactRange(
        {std::string(range.begin), std::string(range.end)},
        [&](const MergeProgress& merge) { return reporter.ReportMerge(merge); });
    // The version it began with is let go here, and with it the disk space of what was merged.
    EpochDrain();
  }
  if (status.ok()) status = reporter.Finish();
  return status;
}

Status DbImpl::WaitIdle() {
  const Call call(this);
  LSM_RETURN_IF_ERROR(call.status());
  if (context_.options.read_only) return Status::Ok();
  return background_->WaitIdle();
}

Result<std::string> DbImpl::GetProperty(std::string_view name) {
  const Call call(this);
  LSM_RETURN_IF_ERROR(call.status());
  return DescribeProperty(context_, background_.get(), name);
}

Status DbImpl::Close() {
  if (ForkGeneration() != fork_generation_) return ForkedStatus();
  Status status;
  {
    // What is looked at here stays until this call leaves, though another thread may be closing
    // too.
    const Call call(this);
    LSM_RETURN_IF_ERROR(call.status());
    const bool flushes = background_ != nullptr &&
                         context_.read_state.Share()->active().table->memory_used() > kFlushAtClose;
    if (flushes) status = Flush();
    if (status.retryable()) status = Status::Ok();
  }
  if (closed_.exchange(true, std::memory_order_seq_cst)) return ClosedStatus();
  SchedulePoint();
  if (background_ != nullptr) {
    // Before the threads end: what failed before the close is the answer, not the close itself.
    const Status failed = background_->background_error();
    // Work that would have been tried again has lost nothing: the log, or its inputs, still have
    // it.
    if (!failed.ok() && !failed.retryable()) status = failed;
    background_->Stop();
  }
  // Calls are woken by Stop() where they wait for the background.
  while (calls_.load(std::memory_order_acquire) > 0) context_.env->SleepMicros(100);
  if (logs_ != nullptr && status.ok()) {
    status = logs_->SyncAndMark();
    if (status.ok()) logs_->Trim();
  }
  Release();
  return status;
}

// Gives back files, threads, memory and the lock. What scans and values still pin stays readable.
void DbImpl::Release() {
  if (background_ != nullptr) background_->Stop();
  // Tables that were replaced and wait for the epochs are still removed.
  EpochDrain();
  if (context_.tables != nullptr) context_.tables->Close();
  context_.read_state.Publish(nullptr);
  // Gets that were inside when closed_ was set are over after this.
  EpochDrain();
  write_path_.reset();
  background_.reset();
  logs_.reset();
  context_.versions.reset();
  context_.tables.reset();
  context_.directory.reset();
  EpochDrain();
}

}  // namespace lsm
