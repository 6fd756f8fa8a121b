// The merging half of Background: which job next, and what a job does.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lsm/base/write_batch.h"
#include "lsm/db/background.h"
#include "lsm/db/json_writer.h"
#include "lsm/filter/monkey.h"
#include "lsm/iterator/merging_iterator.h"
#include "lsm/sstable/compression.h"
#include "lsm/version/run_iterator.h"

namespace lsm {
namespace {

// A job takes about this many tables' worth of input.
constexpr uint64_t kTablesPerJob = 2;

Status ExplainDamage(const Status& status, const KeyRange& range) {
  constexpr size_t kLongestName = 100;
  const auto name = [](std::string_view key) {
    return IsInfiniteKey(key) ? "the end"
                              : absl::StrCat("\"", JsonWriter::Escape(key.substr(0, kLongestName)),
                                             key.size() > kLongestName ? "..." : "", "\"");
  };
  return status.WithContext(absl::StrCat("the tables with keys from ", name(range.begin), " to ",
                                         name(range.end), " stay as they are, unmerged, because"));
}

}  // namespace

// --- which job next ---

void Background::ScheduleMerges() {
  if (!started_ || stopping_.load(std::memory_order_acquire)) return;
  while (merge_loops_ < context_->options.background_threads) {
    mergers_->Schedule([this] { MergeLoop(); });
    ++merge_loops_;
  }
}

void Background::MergeLoop() {
  while (true) {
    Task task;
    {
      MutexLock lock(&mutex_);
      if (stopping_.load(std::memory_order_acquire) || !NextTask(&task)) {
        --merge_loops_;
        ReapMerges();
        WakeWaiters();
        return;
      }
    }
    const Status status = CatchOutOfMemory([&] { return RunTask(task); });
    FinishTask(task, status);
    // Tables that the merge has replaced go now, and their disk space with them.
    task = Task();
    EpochDrain();
  }
}

bool Background::NextTask(Task* task) {
  if (!fatal_error_.ok()) return false;
  for (Merge& merge : merges_) {
    if (NextTaskOf(merge, task)) return true;
  }
  ReapMerges();
  return StartAutomaticMerge() && NextTaskOf(merges_.back(), task);
}

bool Background::NextTaskOf(Merge& merge, Task* task) {
  if (merge.abandoned || !merge.status.ok() || merge.cancelled.load(std::memory_order_relaxed)) {
    return false;
  }
  RefPtr<const Version> version = context_->versions->current();
  auto plan =
      NextJob(*version, merge.spec, merge.claimed, kTablesPerJob * context_->options.table_size);
  if (!plan.has_value()) {
    // What is left, if anything, is in the hands of running jobs.
    if (merge.running_jobs == 0) merge.abandoned = true;
    return false;
  }
  ++merge.running_jobs;
  merge.claimed.push_back(plan->range);
  *task = Task{&merge, *std::move(plan), std::move(version)};
  return true;
}

std::vector<LevelPicture> Background::Picture(const Version& version) const {
  const auto is_busy = [&](const RunRef& ref) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::any_of(merges_.begin(), merges_.end(), [&](const Merge& merge) {
      const auto& inputs = merge.spec.inputs;
      return ref == merge.spec.target() ||
             std::find(inputs.begin(), inputs.end(), ref) != inputs.end();
    });
  };
  std::vector<LevelPicture> levels(version.levels().size());
  for (uint32_t level = 0; level < levels.size(); ++level) {
    for (const auto& run : version.levels()[level].runs) {
      levels[level].runs.push_back(
          {.id = run->id(), .size = run->size(), .busy = is_busy({level, run->id()})});
    }
  }
  return levels;
}

bool Background::HasMergeToPick(bool idle) const {
  if (!merge_error_.ok() || !fatal_error_.ok()) return false;
  return PickMerge(Picture(*context_->versions->current()), shape_, idle).has_value();
}

bool Background::StartAutomaticMerge() {
  if (!merge_error_.ok() || manual_active_ || manual_waiting_ > 0) return false;
  auto choice = PickMerge(Picture(*context_->versions->current()), shape_, IsIdle());
  if (!choice.has_value()) return false;
  Merge& merge = merges_.emplace_back();
  merge.spec.inputs = std::move(choice->inputs);
  merge.spec.target_level = choice->target_level;
  merge.spec.target_run =
      choice->target_run.has_value() ? *choice->target_run : context_->versions->NewRunId();
  merge.spec.range = {"", std::string(InfiniteKey())};
  return true;
}

void Background::ReapMerges() {
  merges_.remove_if([](const Merge& merge) {
    const bool over = merge.abandoned || !merge.status.ok();
    return over && !merge.manual && merge.running_jobs == 0;
  });
}

void Background::FinishTask(const Task& task, Status status) {
  if (status.Is(Code::kCorruption)) {
    status = Explained(
        status, [&](const Status& damage) { return ExplainDamage(damage, task.plan.range); });
  }
  MutexLock lock(&mutex_);
  Merge& merge = *task.merge;
  --merge.running_jobs;
  // A thorough merge has nothing else to tell what it has been through.
  if (!merge.spec.thorough || !status.ok()) {
    std::erase_if(merge.claimed,
                  [&](const KeyRange& range) { return range.begin == task.plan.range.begin; });
  }
  if (!status.ok() && merge.status.ok()) merge.status = status;
  if (!status.ok() && !status.Is(Code::kAborted) && !merge.manual) {
    merge_error_ = status;
    last_error_micros_ = context_->env->NowMicros();
  }
  ReapMerges();
  ScheduleMerges();
  changed_.SignalAll();
}

// --- one job ---

Status Background::RunTask(const Task& task) {
  const MergeSpec& spec = task.merge->spec;
  std::vector<AddedSlice> outputs;
  if (task.plan.move) {
    const Slice& slice = task.plan.inputs[0].slices[0];
    outputs.push_back({.level = spec.target_level,
                       .run_id = spec.target_run,
                       .table = slice.file->meta(),
                       .range = {std::max(slice.range.begin, task.plan.range.begin),
                                 std::min(slice.range.end, task.plan.range.end)},
                       .size = slice.size});
    context_->stats.Add(Counter::kTrivialMoves);
    return InstallMerge(task, std::move(outputs));
  }
  const uint64_t before = context_->env->NowMicros();
  std::vector<RefPtr<const Table>> tables;
  LSM_ASSIGN_OR_RETURN(JobInput input, OpenInput(task, &tables));
  JobOptions options = BaseJobOptions();
  options.bottom = task.plan.bottom;
  if (!options.bottom) options.compression = HastyCompression(options.compression);
  options.filter_bits_per_key = FilterBitsFor(task);
  options.cancelled = [this, &task] {
    return stopping_.load(std::memory_order_acquire) ||
           task.merge->cancelled.load(std::memory_order_relaxed);
  };
  options.on_progress = [&task](uint64_t bytes, uint64_t entries) {
    task.merge->progress.bytes_done.fetch_add(bytes, std::memory_order_relaxed);
    task.merge->progress.entries_done.fetch_add(entries, std::memory_order_relaxed);
  };
  LSM_ASSIGN_OR_RETURN(auto written, RunJob(options, std::move(input)));
  uint64_t bytes = 0;
  for (const TableMeta& table : written) {
    bytes += table.file_size;
    outputs.push_back(WholeTable(spec.target_level, spec.target_run, table));
  }
  LSM_RETURN_IF_ERROR(InstallMerge(task, std::move(outputs)));
  context_->stats.Add(Counter::kCompactions);
  context_->stats.Add(Counter::kCompactionBytesRead, task.plan.input_size);
  context_->stats.Add(Counter::kCompactionBytesWritten, bytes);
  context_->stats.AddLatency(Timed::kCompaction, context_->env->NowMicros() - before);
  return Status::Ok();
}

Result<JobInput> Background::OpenInput(const Task& task,
                                       std::vector<RefPtr<const Table>>* tables) const {
  const KeyRange& range = task.plan.range;
  std::vector<std::unique_ptr<EntryIterator>> sources;
  std::vector<RangeTombstone> tombstones;
  // The keys that occur lie between these two, so they share what these share.
  std::string_view first = range.end;
  std::string_view last = range.begin;
  for (const JobPlan::Input& input : task.plan.inputs) {
    const Run* run = task.version->FindRun(input.run.level, input.run.id);
    sources.push_back(NewRunIterator(RefPtr<const Run>::Share(run), range.begin, range.end,
                                     Table::ScanKind::kLong));
    for (const Slice& slice : input.slices) {
      const std::string_view begin = std::max<std::string_view>(slice.range.begin, range.begin);
      const std::string_view end = std::min<std::string_view>(slice.range.end, range.end);
      first = std::min(first, begin);
      last = std::max(last, end);
      if (slice.file->meta().range_tombstone_count == 0) continue;
      LSM_ASSIGN_OR_RETURN(auto table, slice.file->Share());
      for (const RangeTombstone& tombstone : table->raw_tombstones()) {
        const RangeTombstone clipped = {std::max(tombstone.begin, begin),
                                        std::min(tombstone.end, end), tombstone.sequence};
        if (clipped.begin < clipped.end) tombstones.push_back(clipped);
      }
      tables->push_back(std::move(table));
    }
  }
  return JobInput{.entries = NewMergingIterator(std::move(sources), SharedPrefixSize(first, last)),
                  .tombstones = FragmentedRangeTombstones(tombstones),
                  .range = range};
}

double Background::FilterBitsFor(const Task& task) const {
  const std::vector<RunRef>& inputs = task.merge->spec.inputs;
  std::vector<uint64_t> counts;
  uint64_t merged = 0;
  for (uint32_t level = 0; level < task.version->levels().size(); ++level) {
    for (const auto& run : task.version->levels()[level].runs) {
      const RunRef ref{level, run->id()};
      const bool is_part = ref == task.merge->spec.target() ||
                           std::find(inputs.begin(), inputs.end(), ref) != inputs.end();
      if (is_part) {
        merged += run->entry_count();
      } else {
        counts.push_back(run->entry_count());
      }
    }
  }
  counts.push_back(merged);
  return MonkeyFilterBits(counts, context_->options.filter_bits_per_key).back();
}

// Cuts the task's range off its inputs and adds the outputs.
Status Background::InstallMerge(const Task& task, std::vector<AddedSlice> outputs) {
  const KeyRange& range = task.plan.range;
  std::vector<uint64_t> numbers;
  if (!task.plan.move) {
    for (const AddedSlice& output : outputs) numbers.push_back(output.table.number);
  }
  MutexLock install(&install_mutex_);
  const auto version = context_->versions->current();
  VersionEdit edit;
  for (const JobPlan::Input& input : task.plan.inputs) {
    const Run* run = version->FindRun(input.run.level, input.run.id);
    LSM_DCHECK(run != nullptr);
    for (const Slice& slice : run->Overlapping(range.begin, range.end)) {
      edit.removed_slices.push_back({.level = input.run.level,
                                     .run_id = input.run.id,
                                     .table_number = slice.table_number(),
                                     .begin = slice.range.begin});
      const auto keep = [&](const std::string& begin, const std::string& end) {
        edit.added_slices.push_back({.level = input.run.level,
                                     .run_id = input.run.id,
                                     .table = slice.file->meta(),
                                     .range = {begin, end},
                                     .size = EstimateSize(slice, begin, end)});
      };
      if (slice.range.begin < range.begin) keep(slice.range.begin, range.begin);
      if (range.end < slice.range.end) keep(range.end, slice.range.end);
    }
  }
  std::move(outputs.begin(), outputs.end(), std::back_inserter(edit.added_slices));
  const Status applied = Apply(std::move(edit));
  if (!applied.ok()) return AbandonOutputs(numbers, applied);
  PublishVersion();
  return Status::Ok();
}

uint64_t Background::EstimateSize(const Slice& slice, std::string_view begin,
                                  std::string_view end) {
  const auto table = slice.file->Share();
  // Only an estimate: a table that cannot be opened is reported by whoever reads it.
  if (!table.ok()) return slice.size;
  const uint64_t size = (*table)->ApproximateOffset(end) - (*table)->ApproximateOffset(begin);
  return std::clamp<uint64_t>(size, 1, slice.size);
}

// --- by hand ---

MergeSpec Background::ManualSpec(const Version& version, const KeyRange& range) const {
  MergeSpec spec;
  spec.range = range;
  spec.thorough = true;
  uint32_t last = 0;
  for (uint32_t level = 0; level < version.levels().size(); ++level) {
    for (const auto& run : version.levels()[level].runs) {
      last = level;
      if (!run->Overlapping(range.begin, range.end).empty()) {
        spec.inputs.push_back({level, run->id()});
      }
    }
  }
  spec.target_level = std::max(last, uint32_t{1});
  const bool one_run = !spec.inputs.empty() && spec.inputs.back().level == spec.target_level &&
                       version.levels()[last].runs.size() == 1;
  spec.target_run = one_run ? spec.inputs.back().id : context_->versions->NewRunId();
  return spec;
}

Status Background::CompactRange(const KeyRange& range,
                                const std::function<bool(const MergeProgress&)>& report) {
  MutexLock lock(&mutex_);
  const auto closed = [this] { return stopping_.load(std::memory_order_acquire); };
  ++manual_waiting_;
  while (manual_active_ && !closed()) changed_.Wait(&mutex_);
  --manual_waiting_;
  if (closed()) return WaitStatus();
  manual_active_ = true;
  // Automatic merges give way at their next job boundary.
  for (Merge& merge : merges_) merge.abandoned = true;
  for (ReapMerges(); !merges_.empty() && !closed(); ReapMerges()) changed_.Wait(&mutex_);

  Merge* merge = nullptr;
  Status status = CatchOutOfMemory([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    merge = &merges_.emplace_back();
    merge->manual = true;
    return RunManualMerge(merge, range, report);
  });
  if (merge != nullptr) {
    // Where memory ran out, jobs may still be at it.
    merge->abandoned = true;
    while (merge->running_jobs > 0) changed_.Wait(&mutex_);
    merges_.remove_if([&](const Merge& other) { return &other == merge; });
  }
  manual_active_ = false;
  (void)CatchOutOfMemory([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ScheduleMerges();
    return Status::Ok();
  });
  changed_.SignalAll();
  return status;
}

Status Background::RunManualMerge(Merge* merge, const KeyRange& range,
                                  const std::function<bool(const MergeProgress&)>& report) {
  constexpr absl::Duration kReportEvery = absl::Milliseconds(50);
  const auto version = context_->versions->current();
  merge->spec = ManualSpec(*version, range);
  for (const RunRef& input : merge->spec.inputs) {
    const Run* run = version->FindRun(input.level, input.id);
    for (const Slice& slice : run->Overlapping(range.begin, range.end)) {
      if (input == merge->spec.target() && !MayHoldGarbage(slice)) continue;
      merge->progress.entries_total += slice.entry_count();
      merge->progress.bytes_total += slice.size;
    }
  }
  if (merge->spec.inputs.empty()) merge->abandoned = true;
  const auto closed = [this] { return stopping_.load(std::memory_order_acquire); };
  const auto is_over = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return merge->running_jobs == 0 && (merge->abandoned || !merge->status.ok() ||
                                        merge->cancelled || closed() || !fatal_error_.ok());
  };
  // Once: whoever finishes a job sees to the next one. A loop that finds nothing to do signals, and
  // would be called again at once as long as the last job runs.
  ScheduleMerges();
  while (!is_over()) {
    changed_.WaitWithTimeout(&mutex_, kReportEvery);
    if (merge->cancelled || is_over()) continue;
    const MutexUnlock unlocked(&mutex_);
    if (report && report(merge->progress)) merge->cancelled = true;
  }
  if (merge->cancelled) {
    return Status(Code::kAborted, "the compaction was cancelled; all data is as it was");
  }
  if (!merge->status.ok() || merge->abandoned) return merge->status;
  return closed() ? WaitStatus() : fatal_error_;
}

}  // namespace lsm
