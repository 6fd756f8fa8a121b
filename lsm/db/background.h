// Background: flushes memtables and merges runs on threads of its own, and tells writers how far
// behind it is.
//
// One thread flushes, oldest memtable first; options.background_threads merge; one more ticks: it
// syncs the log where that is asked for, notices when the database has become idle, and retries
// what failed.
//
// What to merge is decided by picker and merge_plan, which are pure; here are the threads, the
// locks and the errors. A merge proceeds by jobs over disjoint key ranges, each installed by an
// edit of its own that cuts the range off the inputs and adds the outputs to the target, so merges
// can be abandoned at any job boundary and nothing is lost or done twice.
//
// Errors. A failure that poisons the log or the manifest is fatal: the database is read-only from
// then on and every write answers it. Other failures (no space, an I/O error, out of memory) are
// kept for those who wait for the work, and the work is tried again after a while. Corrupt input
// ends automatic merging until the next open: the file stays where it is and reads of other ranges
// go on.
//
// Invariants:
// 1. Memtables are flushed in the order of their age.
// 2. A run is an input or target of at most one merge; jobs of a merge work on disjoint ranges.
// 3. Versions are installed under install_mutex_, so an edit is made against the version it
//    changes.
// 4. Every wait but the ticker's is on changed_, which is signalled after every change of what is
//    waited for.
//
// Lock order: install_mutex_ before mutex_; neither is held while a job runs.

#ifndef LSM_DB_BACKGROUND_H_
#define LSM_DB_BACKGROUND_H_

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "lsm/base/status.h"
#include "lsm/base/sync.h"
#include "lsm/compaction/job.h"
#include "lsm/compaction/merge_plan.h"
#include "lsm/db/context.h"
#include "lsm/db/log_set.h"

namespace lsm {

// The counters of a merge that somebody watches.
struct MergeProgress {
  std::atomic<uint64_t> bytes_total{0};    // of the files
  std::atomic<uint64_t> entries_total{0};  // roughly
  std::atomic<uint64_t> bytes_done{0};     // of keys and values
  std::atomic<uint64_t> entries_done{0};
};

class Background {
 public:
  // The read state is published. `logs` starts later than this but before Start().
  Background(DbContext* context, LogSet* logs);
  // REQUIRES: Stop() was called, if Start() was.
  ~Background();

  Status Start();
  // Cancels merges, finishes the flush in hand, ends the threads. Waits in progress answer kClosed.
  void Stop();

  // What the database is read-only for; OK while it is not.
  Status fatal_error() const {
    if (!poisoned_.load(std::memory_order_acquire)) [[likely]]
      return Status::Ok();
    return FatalErrorSlow();
  }
  // Makes `cause` the fatal error unless there is one. Returns what writers are to answer.
  Status Poison(const Status& cause);
  // The last failure of a flush or merge that has not succeeded since.
  Status background_error() const;

  // Waits until one more immutable memtable may be added: there is a place for it, and for the run
  // that it will be. Fails where that waits for a flush that fails.
  Status WaitForMemTable();
  // The active memtable has become the newest immutable one.
  void OnMemTableSwitched();
  uint64_t StallNanosPerKiB(double active_fill) const;

  // Waits until the memtables that are immutable now are flushed.
  Status WaitForFlush();
  Status WaitIdle();

  // The work of Db::CompactRange behind the flush. Calls `report` from time to time, on this
  // thread, with no lock held; true cancels.
  Status CompactRange(const KeyRange& range,
                      const std::function<bool(const MergeProgress&)>& report);

  // Flushes one memtable on the calling thread: recovery's. REQUIRES: before Start().
  Status FlushMemTable(const RefPtr<MemTable>& memtable);

  struct Activity {
    uint64_t merges = 0;
    uint64_t jobs = 0;
    bool flushing = false;
  };
  Activity activity() const;

 private:
  struct Merge {
    MergeSpec spec;
    // Ranges that jobs work on; of a thorough merge also those that are done.
    std::vector<KeyRange> claimed;
    uint64_t running_jobs = 0;
    Status status;                       // the first failure of a job
    bool manual = false;                 // somebody waits for it and removes it
    bool abandoned = false;              // no further jobs
    std::atomic<bool> cancelled{false};  // jobs that run are to stop
    MergeProgress progress;
  };
  struct Task {
    Merge* merge = nullptr;
    JobPlan plan;
    RefPtr<const Version> version;
  };

  // What those who wait look at has changed. Not without the mutex: who has just looked would go to
  // sleep behind the signal.
  void WakeWaiters() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    changed_.SignalAll();
    tick_wake_.SignalAll();
  }
  // All but the logs' changes of the version.
  Status Apply(VersionEdit edit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(install_mutex_) {
    return context_->versions->Apply(std::move(edit));
  }

  // --- flush ---
  void FlushLoop();
  Status FlushOldest();
  Status InstallFlush(std::vector<TableMeta> tables, const MemTable* memtable, uint64_t next_log);
  Result<std::vector<TableMeta>> WriteMemTable(const RefPtr<MemTable>& memtable);
  void ScheduleFlush() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status CheckFlush(uint64_t asked_at) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MustWaitForMerges() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- merges ---
  void ScheduleMerges() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MergeLoop();
  bool NextTask(Task* task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool NextTaskOf(Merge& merge, Task* task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool StartAutomaticMerge() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The tree as the picker sees it.
  std::vector<LevelPicture> Picture(const Version& version) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasMergeToPick(bool idle) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Nothing runs and nothing is left to do, convergence included.
  bool IsQuiescent() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FinishTask(const Task& task, Status status);
  void ReapMerges() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- one job of a merge ---
  Status RunTask(const Task& task);
  Result<JobInput> OpenInput(const Task& task, std::vector<RefPtr<const Table>>* tables) const;
  double FilterBitsFor(const Task& task) const;
  Status InstallMerge(const Task& task, std::vector<AddedSlice> outputs);
  static uint64_t EstimateSize(const Slice& slice, std::string_view begin, std::string_view end);
  // From the plan to the last job.
  Status RunManualMerge(Merge* merge, const KeyRange& range,
                        const std::function<bool(const MergeProgress&)>& report)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  MergeSpec ManualSpec(const Version& version, const KeyRange& range) const;

  // --- the rest ---
  void TickLoop();
  void Tick() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool NeedsTicks() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PublishVersion();
  // What a failed Apply() of an edit that adds `tables` leads to.
  Status AbandonOutputs(const std::vector<uint64_t>& tables, const Status& cause);
  Status FatalErrorSlow() const;
  Status WaitStatus() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  JobOptions BaseJobOptions() const;

  DbContext* const context_;
  LogSet* const logs_;
  const TreeShape shape_;

  std::atomic<bool> poisoned_{false};
  std::atomic<bool> stopping_{false};
  // For writers, who look at every group.
  std::atomic<uint64_t> immutable_count_{0};
  std::atomic<uint64_t> flushed_runs_{0};

  Mutex install_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  mutable Mutex mutex_;
  CondVar changed_;
  CondVar tick_wake_;  // the ticker may have something to wait for, or must stop
  Status fatal_error_ ABSL_GUARDED_BY(mutex_);
  Status flush_error_ ABSL_GUARDED_BY(mutex_);
  Status merge_error_ ABSL_GUARDED_BY(mutex_);
  bool flush_scheduled_ ABSL_GUARDED_BY(mutex_) = false;
  // Memtables that became immutable, and how many of them were flushed.
  uint64_t memtables_switched_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t flushes_done_ ABSL_GUARDED_BY(mutex_) = 0;
  // Attempts begun, and which of them flush_error_ is of.
  uint64_t flush_attempts_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t failed_attempt_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t merge_loops_ ABSL_GUARDED_BY(mutex_) = 0;
  std::list<Merge> merges_ ABSL_GUARDED_BY(mutex_);
  uint64_t manual_waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  bool manual_active_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t idle_waiters_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t last_write_micros_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t last_error_micros_ ABSL_GUARDED_BY(mutex_) = 0;
  SequenceNumber last_tick_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  bool started_ ABSL_GUARDED_BY(mutex_) = false;

  std::unique_ptr<Executor> flusher_;
  std::unique_ptr<Executor> mergers_;
  std::unique_ptr<Executor> ticker_;
};

}  // namespace lsm

#endif  // LSM_DB_BACKGROUND_H_
