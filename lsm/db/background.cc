#include "lsm/db/background.h"

#include <algorithm>
#include <new>
#include <utility>

#include "absl/time/time.h"
#include "lsm/db/stall.h"
#include "lsm/version/file_names.h"

namespace lsm {
namespace {

constexpr uint64_t kTickMicros = 250'000;
// Without a write for this long the tree may converge.
constexpr uint64_t kIdleAfterMicros = 1'000'000;
constexpr uint64_t kRetryAfterMicros = 1'000'000;

}  // namespace

Background::Background(DbContext* context, LogSet* logs)
    : context_(context), logs_(logs), shape_(TreeShape::Of(context->options)) {}

Background::~Background() { LSM_DCHECK(!flusher_ && !mergers_ && !ticker_); }

Status Background::Start() {
  LSM_ASSIGN_OR_RETURN(flusher_, context_->env->NewExecutor("lsm-flush", 1));
  LSM_ASSIGN_OR_RETURN(
      mergers_, context_->env->NewExecutor("lsm-merge", context_->options.background_threads));
  LSM_ASSIGN_OR_RETURN(ticker_, context_->env->NewExecutor("lsm-tick", 1));
  PublishVersion();
  MutexLock lock(&mutex_);
  started_ = true;
  last_write_micros_ = context_->env->NowMicros();
  ticker_->Schedule([this] { TickLoop(); });
  const auto state = context_->read_state.Share();
  memtables_switched_ = state->immutable().size();
  immutable_count_ = memtables_switched_;
  if (!state->immutable().empty()) ScheduleFlush();
  ScheduleMerges();
  return Status::Ok();
}

void Background::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_.store(true, std::memory_order_release);
    WakeWaiters();
  }
  flusher_.reset();
  mergers_.reset();
  ticker_.reset();
}

Status Background::Poison(const Status& cause) {
  MutexLock lock(&mutex_);
  if (fatal_error_.ok()) {
    fatal_error_ = FinalStatus(cause, "the database is read-only until it is reopened, because");
    poisoned_.store(true, std::memory_order_release);
    changed_.SignalAll();
  }
  return fatal_error_;
}

Status Background::FatalErrorSlow() const {
  MutexLock lock(&mutex_);
  return fatal_error_;
}

Status Background::background_error() const {
  MutexLock lock(&mutex_);
  if (!fatal_error_.ok()) return fatal_error_;
  return flush_error_.ok() ? merge_error_ : flush_error_;
}

// Why a wait is to end before what it waits for has come; OK: it goes on.
Status Background::WaitStatus() const {
  if (stopping_.load(std::memory_order_acquire)) {
    return Status(Code::kClosed, "the database is being closed");
  }
  if (!fatal_error_.ok()) return fatal_error_;
  return flush_error_;
}

Status Background::WaitForMemTable() {
  MutexLock lock(&mutex_);
  const uint64_t before = context_->env->NowMicros();
  const uint64_t asked_at = flush_attempts_;
  bool waited = false;
  while (immutable_count_.load(std::memory_order_relaxed) + 1 >= kMaxMemtables ||
         MustWaitForMerges()) {
    LSM_RETURN_IF_ERROR(CheckFlush(asked_at));
    waited = true;
    changed_.Wait(&mutex_);
  }
  if (waited) {
    context_->stats.Add(Counter::kStalls);
    context_->stats.Add(Counter::kStallMicros, context_->env->NowMicros() - before);
  }
  return Status::Ok();
}

// Where merges fail, or have nothing that they could do, waiting for them would never end.
bool Background::MustWaitForMerges() const {
  return MustStopForRuns(flushed_runs_.load(std::memory_order_relaxed), shape_.flush_runs) &&
         merge_error_.ok() && merge_loops_ > 0;
}

// For whoever waits for flushes since `asked_at` of them had been tried. A failure of before says
// nothing about now: the flush is tried again, and if it fails again, the answer is fresh.
Status Background::CheckFlush(uint64_t asked_at) {
  const bool is_over = stopping_.load(std::memory_order_acquire) || !fatal_error_.ok();
  if (is_over || flush_error_.ok() || failed_attempt_ > asked_at) return WaitStatus();
  flush_error_ = Status::Ok();
  ScheduleFlush();
  return Status::Ok();
}

void Background::OnMemTableSwitched() {
  MutexLock lock(&mutex_);
  ++memtables_switched_;
  immutable_count_ = memtables_switched_ - flushes_done_;
  last_write_micros_ = context_->env->NowMicros();
  ScheduleFlush();
}

uint64_t Background::StallNanosPerKiB(double active_fill) const {
  return ::lsm::StallNanosPerKiB(
      {.immutable_memtables = immutable_count_.load(std::memory_order_relaxed),
       .max_immutable_memtables = kMaxMemtables - 1,
       .active_fill = active_fill,
       .flushed_runs = flushed_runs_.load(std::memory_order_relaxed),
       .max_flushed_runs = shape_.flush_runs});
}

Status Background::WaitForFlush() {
  MutexLock lock(&mutex_);
  const uint64_t target = memtables_switched_;
  const uint64_t asked_at = flush_attempts_;
  while (flushes_done_ < target) {
    LSM_RETURN_IF_ERROR(CheckFlush(asked_at));
    changed_.Wait(&mutex_);
  }
  return Status::Ok();
}

Status Background::WaitIdle() {
  MutexLock lock(&mutex_);
  ++idle_waiters_;
  ScheduleMerges();
  Status status;
  while (!IsQuiescent()) {
    status = WaitStatus();
    if (status.ok()) status = merge_error_;
    if (!status.ok()) break;
    changed_.Wait(&mutex_);
  }
  --idle_waiters_;
  return status;
}

bool Background::IsIdle() const {
  return idle_waiters_ > 0 || context_->env->NowMicros() - last_write_micros_ >= kIdleAfterMicros;
}

bool Background::IsQuiescent() const {
  return immutable_count_.load(std::memory_order_relaxed) == 0 && !flush_scheduled_ &&
         merge_loops_ == 0 && merges_.empty() && !HasMergeToPick(/*idle=*/true);
}

Background::Activity Background::activity() const {
  MutexLock lock(&mutex_);
  Activity activity{.merges = merges_.size(), .jobs = 0, .flushing = flush_scheduled_};
  for (const Merge& merge : merges_) activity.jobs += merge.running_jobs;
  return activity;
}

void Background::PublishVersion() {
  context_->read_state.Update([&](const ReadState& old) {
    return MakeRef<ReadState>(old.active(), old.immutable(), context_->versions->current());
  });
  const auto version = context_->versions->current();
  flushed_runs_ = version->levels().empty() ? 0 : version->levels()[0].runs.size();
}

JobOptions Background::BaseJobOptions() const {
  JobOptions options;
  options.directory = context_->directory.get();
  options.new_file_number = [this] { return context_->versions->NewFileNumber(); };
  options.block_size = context_->options.block_size;
  options.compression = context_->options.compression;
  options.table_size = context_->options.table_size;
  options.snapshots = context_->snapshots->List();
  return options;
}

Status Background::AbandonOutputs(const std::vector<uint64_t>& tables, const Status& cause) {
  // After a failed append nobody knows which edits a reopen will find, so the tables must stay.
  if (!cause.retryable()) return Poison(cause);
  for (const uint64_t number : tables) (void)context_->directory->Remove(TableFileName(number));
  return cause;
}

// Nothing to wait for with a clock: no work that waits for idleness, no failure to try again.
bool Background::NeedsTicks() const {
  return context_->options.wal_sync_interval_micros > 0 || !flush_error_.ok() ||
         !merge_error_.ok() || HasMergeToPick(/*idle=*/true);
}

void Background::TickLoop() {
  const uint64_t sync_interval = context_->options.wal_sync_interval_micros;
  const uint64_t period = sync_interval == 0 ? kTickMicros : std::min(sync_interval, kTickMicros);
  uint64_t next_sync = context_->env->NowMicros() + sync_interval;
  while (true) {
    {
      MutexLock lock(&mutex_);
      while (!stopping_.load(std::memory_order_acquire) && !NeedsTicks()) {
        tick_wake_.Wait(&mutex_);
      }
      if (stopping_.load(std::memory_order_acquire)) return;
      const absl::Time deadline = absl::Now() + absl::Microseconds(period);
      while (!stopping_.load(std::memory_order_acquire) &&
             !tick_wake_.WaitWithDeadline(&mutex_, deadline)) {
      }
      if (stopping_.load(std::memory_order_acquire)) return;
      Tick();
    }
    if (sync_interval == 0 || context_->env->NowMicros() < next_sync) continue;
    next_sync = context_->env->NowMicros() + sync_interval;
    const Status status = logs_->Sync();
    if (!status.ok()) (void)Poison(status);
  }
}

void Background::Tick() {
  const uint64_t now = context_->env->NowMicros();
  const SequenceNumber sequence = context_->visible_sequence.load(std::memory_order_relaxed);
  if (std::exchange(last_tick_sequence_, sequence) != sequence) last_write_micros_ = now;
  if (now - last_error_micros_ >= kRetryAfterMicros) {
    // Corrupt input does not mend itself.
    if (!merge_error_.ok() && !merge_error_.Is(Code::kCorruption)) merge_error_ = Status::Ok();
    if (!flush_error_.ok()) ScheduleFlush();
  }
  if (IsIdle()) ScheduleMerges();
}

}  // namespace lsm
