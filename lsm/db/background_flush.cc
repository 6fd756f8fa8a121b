// The flushing half of Background.

#include <algorithm>
#include <utility>

#include "lsm/base/write_batch.h"
#include "lsm/db/background.h"
#include "lsm/filter/monkey.h"
#include "lsm/sstable/compression.h"

namespace lsm {
namespace {

// A flushed run is cut into a few tables, so that merges find places to cut their work.
constexpr uint64_t kTablesPerFlush = 4;

FragmentedRangeTombstones TombstonesOf(const MemTable& memtable) {
  std::vector<RangeTombstone> tombstones;
  memtable.VisitRangeTombstones(
      [&](const RangeTombstone& tombstone) { tombstones.push_back(tombstone); });
  return FragmentedRangeTombstones(tombstones);
}

// Whether a table has keys among those of the memtable, so that they will be merged.
bool Overlaps(const Version& version, const MemTable& memtable) {
  const auto entries = memtable.NewIterator();
  entries->SeekFirst();
  if (!entries->valid()) return false;
  const std::string_view begin = entries->entry().key;
  entries->SeekLast();
  std::string end(entries->entry().key);
  end += '\0';
  return std::ranges::any_of(version.runs(),
                             [&](const Run* run) { return !run->Overlapping(begin, end).empty(); });
}

}  // namespace

void Background::ScheduleFlush() {
  if (flush_scheduled_ || !started_ || stopping_.load(std::memory_order_acquire)) return;
  flusher_->Schedule([this] { FlushLoop(); });
  flush_scheduled_ = true;
}

void Background::FlushLoop() {
  while (true) {
    // Ahead of the next rotation. Where it fails, the rotation will try again and say why.
    (void)CatchOutOfMemory([this] { return logs_->PrepareSpare(); });
    uint64_t attempt;
    {
      MutexLock lock(&mutex_);
      attempt = ++flush_attempts_;
    }
    const Status status = CatchOutOfMemory([this] { return FlushOldest(); });
    // Before writers are told that there is room: the memory of the memtable is free for the next
    // one.
    EpochDrain();
    MutexLock lock(&mutex_);
    if (status.ok()) {
      ++flushes_done_;
      immutable_count_ = memtables_switched_ - flushes_done_;
    }
    flush_error_ = status.Is(Code::kAborted) ? Status::Ok() : status;
    if (!status.ok()) {
      failed_attempt_ = attempt;
      last_error_micros_ = context_->env->NowMicros();
    }
    const bool done = !status.ok() || immutable_count_.load(std::memory_order_relaxed) == 0;
    if (done) flush_scheduled_ = false;
    ScheduleMerges();
    WakeWaiters();
    if (done) return;
  }
}

Status Background::FlushOldest() {
  const auto state = context_->read_state.Share();
  const auto& immutable = state->immutable();
  LSM_DCHECK(!immutable.empty());
  const uint64_t before = context_->env->NowMicros();
  LSM_ASSIGN_OR_RETURN(auto tables, WriteMemTable(immutable.back().table));
  const uint64_t next_log =
      immutable.size() > 1 ? immutable[immutable.size() - 2].first_log : state->active().first_log;
  LSM_RETURN_IF_ERROR(InstallFlush(std::move(tables), immutable.back().table.get(), next_log));
  context_->stats.AddLatency(Timed::kFlush, context_->env->NowMicros() - before);
  return Status::Ok();
}

Result<std::vector<TableMeta>> Background::WriteMemTable(const RefPtr<MemTable>& memtable) {
  std::vector<uint64_t> counts;
  const auto version = context_->versions->current();
  for (const Run* run : version->runs()) counts.push_back(run->entry_count());
  counts.push_back(memtable->entry_count());
  JobOptions options = BaseJobOptions();
  options.filter_bits_per_key =
      MonkeyFilterBits(counts, context_->options.filter_bits_per_key).back();
  options.table_size = std::clamp(memtable->memory_used() / kTablesPerFlush,
                                  std::min(kMiB, options.table_size), options.table_size);
  if (Overlaps(*version, *memtable)) options.compression = HastyCompression(options.compression);
  options.cancelled = [this] { return stopping_.load(std::memory_order_acquire); };
  JobInput input{.entries = memtable->NewIterator(),
                 .tombstones = TombstonesOf(*memtable),
                 .range = {"", std::string(InfiniteKey())}};
  return RunJob(options, std::move(input));
}

Status Background::InstallFlush(std::vector<TableMeta> tables,
                                [[maybe_unused]] const MemTable* memtable, uint64_t next_log) {
  VersionEdit edit;
  const uint64_t run_id = context_->versions->NewRunId();
  uint64_t bytes = 0;
  std::vector<uint64_t> numbers;
  for (const TableMeta& table : tables) {
    bytes += table.file_size;
    numbers.push_back(table.number);
    edit.added_slices.push_back(WholeTable(0, run_id, table));
  }
  std::vector<LogSegmentRef> retired;
  {
    MutexLock install(&install_mutex_);
    for (const LogSegmentRef& log : context_->versions->logs()) {
      if (log.number >= next_log) continue;
      retired.push_back(log);
      edit.removed_logs.push_back(log.number);
    }
    const Status applied = Apply(std::move(edit));
    if (!applied.ok()) return AbandonOutputs(numbers, applied);
    context_->read_state.Update([&](const ReadState& old) {
      std::vector<LoggedMemTable> immutable = old.immutable();
      LSM_DCHECK(!immutable.empty() && immutable.back().table.get() == memtable);
      immutable.pop_back();
      return MakeRef<ReadState>(old.active(), std::move(immutable), context_->versions->current());
    });
  }
  PublishVersion();
  logs_->Retire(retired);
  context_->stats.Add(Counter::kFlushes);
  context_->stats.Add(Counter::kFlushBytes, bytes);
  return Status::Ok();
}

Status Background::FlushMemTable(const RefPtr<MemTable>& memtable) {
  LSM_ASSIGN_OR_RETURN(auto tables, WriteMemTable(memtable));
  VersionEdit edit;
  const uint64_t run_id = context_->versions->NewRunId();
  for (const TableMeta& table : tables) {
    edit.added_slices.push_back(WholeTable(0, run_id, table));
  }
  MutexLock install(&install_mutex_);
  return Apply(std::move(edit));
}

}  // namespace lsm
