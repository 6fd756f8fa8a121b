// LogWriter: appends records to one segment of the log (log_format.h).
//
// Invariants:
// 1. end() is the position after the last whole record; it only grows, and only after the record's
//    bytes are committed to the file (they survive the process).
// 2. synced() <= end(); everything below synced() is durable. Each record tells the synced() of its
//    time.
// 3. After a failed append or sync the segment is poisoned: every later call answers that first
//    failure and touches nothing.
//
// One thread appends. Sync may run on another thread at the same time.

#ifndef LSM_WAL_LOG_WRITER_H_
#define LSM_WAL_LOG_WRITER_H_

#include <atomic>
#include <memory>
#include <span>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "lsm/base/sync.h"
#include "lsm/env/env.h"
#include "lsm/wal/log_format.h"

namespace lsm {

class LogWriter {
 public:
  // Writes the segment's header and makes it durable. The segment's first record stands at `base`;
  // all below `known_synced` is durable (earlier segments'). REQUIRES: known_synced <= base, a
  // multiple of 8.
  static Result<std::unique_ptr<LogWriter>> Create(std::unique_ptr<LogFile> file, uint64_t number,
                                                   LogPosition base, LogPosition known_synced);

  bool HasRoomFor(uint64_t batch_size) const;

  // Appends one record that holds the batch made of `parts`. REQUIRES: HasRoomFor() their total
  // size.
  Status Append(std::span<const std::string_view> parts, SequenceNumber sequence);
  // Makes durable what is below end() at the time of the call; costs nothing where all of it is.
  // Any thread; two calls at once take turns. REQUIRES: all earlier segments are durable, for
  // synced() speaks of the whole log.
  Status Sync();
  // Appends a mark where a synced batch is not yet told to be so by any record and there is room,
  // so that damage to it is known for rot, not for a torn tail. Marks do not call for marks, so
  // syncing and marking in turns comes to rest. The appending thread's.
  Status AppendMark();

  // Gives back the disk space of what was never appended. REQUIRES: nothing more will be.
  void ReleaseTail() { file_->ReleaseTail(OffsetOf(end())); }

  uint64_t number() const { return number_; }
  LogPosition base() const { return base_; }
  LogPosition end() const { return end_.load(std::memory_order_acquire); }
  LogPosition synced() const { return synced_.load(std::memory_order_acquire); }
  const LogFile& file() const { return *file_; }

 private:
  LogWriter(std::unique_ptr<LogFile> file, const LogSegmentHeader& header);

  uint64_t OffsetOf(LogPosition position) const {
    return kLogSegmentHeaderSize + (position - base_);
  }
  // Leaves payload_size bytes for the record's payload in `*payload`, the padding already zero.
  Status BeginRecord(uint64_t payload_size, char** payload);
  // Seals the record just begun.
  Status FinishRecord(LogRecordHeader header);
  // To `wanted` at least. One at a time: a second sync could succeed over what the first has lost.
  Status SyncUpTo(LogPosition wanted) ABSL_EXCLUSIVE_LOCKS_REQUIRED(sync_mutex_);
  Status failure() const;
  // Keeps the first failure and returns it.
  Status Poison(Status status);

  const std::unique_ptr<LogFile> file_;
  const uint64_t number_;
  const LogPosition base_;
  const LogPosition limit_;  // records end at or before it

  // The appending thread's.
  char* record_ = nullptr;   // that was begun
  LogPosition told_;         // known_synced of the last record
  LogPosition batches_end_;  // of the last record that is no mark

  std::atomic<LogPosition> end_;
  std::atomic<LogPosition> synced_;  // written under sync_mutex_
  std::atomic<bool> poisoned_{false};

  // Held through a sync. Taken before failure_mutex_.
  Mutex sync_mutex_;
  mutable Mutex failure_mutex_;
  Status failure_ ABSL_GUARDED_BY(failure_mutex_);
};

}  // namespace lsm

#endif  // LSM_WAL_LOG_WRITER_H_
