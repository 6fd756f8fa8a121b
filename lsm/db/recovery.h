// Recovery: from a directory to a database that can be used.

#ifndef LSM_DB_RECOVERY_H_
#define LSM_DB_RECOVERY_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lsm/base/status.h"
#include "lsm/db/context.h"
#include "lsm/wal/log_reader.h"

namespace lsm {

// Opens and locks the directory and finds out what is in it. Fills context->directory, ->tables and
// ->versions. Changes nothing where it fails, except that a lock is taken for a while.
//
// - No database: made where the options allow it, in a new or an empty directory; kIoError with
//   ENOENT where they do not; kInvalidArgument where other files are there.
// - A database: kExists where the options forbid it. Tables or logs without CURRENT are
//   kCorruption, never a fresh database.
Status OpenStorage(DbContext* context, const std::string& path);

// What a replay of the log brought back.
struct ReplayedLog {
  std::vector<LoggedMemTable> memtables;  // newest first, none empty
  LogPosition end = 0;
  SequenceNumber last_sequence = 0;
  // Segments that hold nothing of the log, as the manifest names them.
  std::vector<uint64_t> void_segments;

  // Flushes what is left, oldest first, after which the log's `segments` are all void.
  Status Flush(const std::function<Status(const RefPtr<MemTable>&)>& flush,
               const std::vector<LogSegmentRef>& segments);
};

// Replays the segments that the manifest names. Where the memtables would outgrow the budget
// `flush` is called with the oldest, which then need not be kept. Null: all are kept.
Result<ReplayedLog> ReplayLog(DbContext* context,
                              const std::function<Status(const RefPtr<MemTable>&)>& flush);

// Makes durable what was replayed. A crash of the process alone leaves bytes that stand in no file
// but in the system's memory, and what is written from now on, synced, must not outlive them.
Status SyncReplayedLog(const DbContext& context, const ReplayedLog& log);

// Reads the whole log and checks every record, keeping nothing. `visit` (nullable) is told how many
// bytes were read and may end it.
Status CheckLog(Directory* directory, const VersionSet& versions,
                const std::function<Status(uint64_t bytes)>& visit);

// Whether the log is to go to tables as it is replayed: it needs more memory than memtables may
// take, or has gathered too many segments.
bool IsLogTooLong(const DbContext& context);

}  // namespace lsm

#endif  // LSM_DB_RECOVERY_H_
