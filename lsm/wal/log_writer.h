// LogWriter: appends records to one segment of the log (log_format.h).
//
// Invariants:
// 1. end() is the position after the last whole record; it only grows, and only after the record's bytes
//    are committed to the file (they survive the process).
// 2. synced() <= end(); everything below synced() is durable. Each record tells the synced() of its time.
// 3. After a failed append or sync the segment is poisoned: every later call answers that first failure
//    and touches nothing.
//
// One thread appends. Sync may run on another thread at the same time.

#ifndef LSM_WAL_LOG_WRITER_H_
#define LSM_WAL_LOG_WRITER_H_

#include <atomic>
#include <memory>
#include <span>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "lsm/env/env.h"
#include "lsm/wal/log_format.h"

namespace lsm {

class LogWriter {
 public:
  // Writes the segment's header. The segment's first record stands at `base`, below which all up to
  // `known_synced` is durable (earlier segments').
  static Result<std::unique_ptr<LogWriter>> Create(std::unique_ptr<LogFile> file, uint64_t number,
                                                   LogPosition base, LogPosition known_synced);

  bool HasRoomFor(uint64_t batch_size) const;

  // Appends one record that holds the batch made of `parts`. REQUIRES: HasRoomFor() their total size.
  Status Append(std::span<const std::string_view> parts, SequenceNumber sequence);
  // Makes durable what is below end() at the time of the call. REQUIRES for the whole log's promise: all
  // earlier segments are durable (`earlier segments` are the caller's).
  Status Sync();
  // Appends a mark where synced() is ahead of what the last record tells and there is room, so that
  // damage below it is known for rot, not for a torn tail. The appending thread's.
  Status AppendMark();

  uint64_t number() const { return number_; }
  LogPosition base() const { return base_; }
  LogPosition end() const { return end_.load(std::memory_order_acquire); }
  LogPosition synced() const { return synced_.load(std::memory_order_acquire); }
  const LogFile& file() const { return *file_; }

 private:
  // … yours
};

}  // namespace lsm

#endif  // LSM_WAL_LOG_WRITER_H_
