// VersionSet: the version in force, the only way to change it, and the numbers that go with it.
//
// Invariants:
// 1. A version becomes current only after the edit that makes it is durable in the manifest.
// 2. File numbers and run ids are handed out once, also across reopens: an edit records the
//    counters of its time, and a number that no edit recorded left at most an orphan, which opening
//    removes.
// 3. A failed append to the manifest poisons the set: the version stays, Apply answers the first
//    failure for ever. A failure to begin a new manifest file (a full disk) changes nothing and may
//    be retried.
// 4. Tables that the current version dropped are marked obsolete; their last reader removes them.
//
// Thread-safe. Lock order: apply_mutex_ before mutex_.

#ifndef LSM_VERSION_VERSION_SET_H_
#define LSM_VERSION_VERSION_SET_H_

#include <atomic>
#include <map>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "lsm/base/sync.h"
#include "lsm/env/env.h"
#include "lsm/version/manifest.h"
#include "lsm/version/version.h"

namespace lsm {

class VersionSet {
 public:
  // A new, empty database in `directory`, durable on return.
  static Result<std::unique_ptr<VersionSet>> Create(std::shared_ptr<Directory> directory,
                                                    std::shared_ptr<TableCache> cache);
  // The state that the manifest in force tells, checked against the files that are there. Writes
  // nothing: BeginWriting() comes before the first Apply.
  static Result<std::unique_ptr<VersionSet>> Recover(std::shared_ptr<Directory> directory,
                                                     std::shared_ptr<TableCache> cache);
  // Starts a manifest of this process, and removes every file of the engine that the state does not
  // name.
  Status BeginWriting();

  RefPtr<const Version> current() const;

  // Makes `edit` durable and its result current. Fills in the counters.
  Status Apply(VersionEdit edit);

  uint64_t NewFileNumber() { return next_file_number_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t NewRunId() { return next_run_id_.fetch_add(1, std::memory_order_relaxed); }
  // The log segments in use, ascending by number.
  std::vector<LogSegmentRef> logs() const;
  // The highest sequence number that the manifest knows to be taken.
  SequenceNumber last_sequence() const { return last_sequence_.load(std::memory_order_acquire); }
  // Later edits record at least this number.
  void AdvanceLastSequence(SequenceNumber sequence);
  // The log is known to be durable up to here: one that ends before it was damaged.
  LogPosition log_synced() const { return log_synced_.load(std::memory_order_acquire); }
  // Later edits record at least this position.
  void AdvanceLogSynced(LogPosition position);
  uint64_t manifest_number() const;

 private:
  using Logs = std::map<uint64_t, uint64_t>;  // number -> size

  VersionSet(std::shared_ptr<Directory> directory, std::shared_ptr<TableCache> cache);

  static Status ApplyToLogs(const VersionEdit& edit, Logs* logs);
  Status Replay(const ManifestRecord& record, const std::string& path);
  Status CheckFiles() const;
  // kCorruption where the manifest must once have named the log segment of this number, which it
  // has not handed out yet.
  Status CheckUnnamedLog(uint64_t number) const;
  Status RemoveOrphans();
  VersionEdit Describe(const Version& version, const Logs& logs) const;
  Status Roll(const Version& version, const Logs& logs) ABSL_EXCLUSIVE_LOCKS_REQUIRED(apply_mutex_);
  // Allocates nothing: what the manifest says must come to be.
  void Install(RefPtr<const Version> version, Logs logs);

  const std::shared_ptr<Directory> directory_;
  const std::shared_ptr<TableCache> cache_;
  std::atomic<uint64_t> next_file_number_{1};
  std::atomic<uint64_t> next_run_id_{1};
  std::atomic<SequenceNumber> last_sequence_{0};
  std::atomic<LogPosition> log_synced_{0};

  Mutex apply_mutex_;  // serialises Apply, syncs included
  std::unique_ptr<ManifestWriter> manifest_ ABSL_GUARDED_BY(apply_mutex_);
  Status poison_ ABSL_GUARDED_BY(apply_mutex_);

  mutable Mutex mutex_;  // held for moments
  RefPtr<const Version> current_ ABSL_GUARDED_BY(mutex_);
  Logs logs_ ABSL_GUARDED_BY(mutex_);
  uint64_t manifest_number_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace lsm

#endif  // LSM_VERSION_VERSION_SET_H_
