// LogSet: the live segments of the write-ahead log: the one being appended to, those before it that
// are not flushed yet, a spare for the next rotation, and old ones kept for reuse (a recycled file
// appends faster, its blocks are allocated and written already).
//
// Invariants:
// 1. A segment is named by the manifest, durably, before its first record is written, and until the
//    tables that replace it are. The first of the segments that are named has its header, durably.
// 2. Sync makes earlier segments durable before the active one: a later write never survives where
//    an earlier one is lost.
// 3. After a failed append or sync every later append and sync answers that first failure.
//
// One thread at a time appends and rotates (the leader of a write group). Sync, PrepareSpare and
// Retire may run on other threads meanwhile.

#ifndef LSM_DB_LOG_SET_H_
#define LSM_DB_LOG_SET_H_

#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "lsm/base/sync.h"
#include "lsm/env/env.h"
#include "lsm/version/version_set.h"
#include "lsm/wal/log_writer.h"

namespace lsm {

class LogSet {
 public:
  // `segment_size` is what a new segment has, unless one record needs more.
  LogSet(Directory* directory, VersionSet* versions, uint64_t segment_size);

  // Starts a segment at `position`, where all below `known_synced` is durable. `void_segments`
  // leave the manifest in the same step.
  Status Start(LogPosition position, LogPosition known_synced,
               const std::vector<uint64_t>& void_segments);

  bool HasRoomFor(uint64_t batch_size) const { return active_->HasRoomFor(batch_size); }
  Status Append(std::span<const std::string_view> parts, SequenceNumber sequence) {
    return active_->Append(parts, sequence);
  }
  // Goes on in a new segment with room for a batch of `batch_size`. Where that cannot be had (a
  // full disk), the active one stays and nothing is lost.
  Status Rotate(uint64_t batch_size);
  uint64_t active_number() const { return active_->number(); }

  // Makes durable all that was appended before the call.
  Status Sync();
  // Sync, and says so in the log; the appending thread's.
  Status SyncAndMark();

  // Makes the spare for the next rotation, unless there is one.
  Status PrepareSpare();
  // Takes over segments that the manifest no longer names: keeps a few of the usual size for
  // reuse, removes the others.
  void Retire(const std::vector<LogSegmentRef>& segments);

  // Gives back the disk space that only further writes would have used. REQUIRES: there will be
  // none; no other call runs.
  void Trim();

 private:
  // Old segments kept at most. One is the spare, one may be on its way to it.
  static constexpr size_t kMaxRecycled = 2;

  struct NewSegment {
    std::unique_ptr<LogFile> file;
    uint64_t number = 0;
  };
  // A file, durable under its name, that the manifest does not name yet.
  Result<NewSegment> MakeFile(uint64_t size) ABSL_EXCLUSIVE_LOCKS_REQUIRED(spare_mutex_);
  // Removes the file where it fails and the manifest surely does not name it.
  Status NameInManifest(const LogSegmentRef& segment, const std::vector<uint64_t>& void_segments);
  Result<NewSegment> MakeSegment(uint64_t size, const std::vector<uint64_t>& void_segments)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(spare_mutex_);
  NewSegment TakeSpare();
  // Called by the appending thread, which therefore reads active_ without the mutex.
  void SetActive(std::shared_ptr<LogWriter> writer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    active_ = std::move(writer);
  }
  Status Activate(NewSegment segment, LogPosition base, LogPosition known_synced);

  Directory* const directory_;
  VersionSet* const versions_;
  const uint64_t segment_size_;

  LogPosition started_at_ = 0;
  // Changed by SetActive() alone.
  std::shared_ptr<LogWriter> active_;

  Mutex spare_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);  // one maker of segments at a time
  Mutex mutex_;
  // Segments before the active one that hold bytes not yet synced, oldest first.
  std::deque<std::shared_ptr<LogWriter>> unsynced_ ABSL_GUARDED_BY(mutex_);
  NewSegment spare_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint64_t> recycled_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lsm

#endif  // LSM_DB_LOG_SET_H_
