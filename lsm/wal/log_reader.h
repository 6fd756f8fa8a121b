// LogReader: reads the segments of the log in order and tells torn tails from rot (log_format.h).
//
// It reads through ReadableFile::Read into private memory, in pieces, and holds no more than the largest
// record and a piece: what lengths claim is bounded by the file before it is allocated.

#ifndef LSM_WAL_LOG_READER_H_
#define LSM_WAL_LOG_READER_H_

#include <memory>
#include <string>
#include <vector>

#include "lsm/env/env.h"
#include "lsm/wal/log_format.h"

namespace lsm {

struct LogRecord {
  uint64_t segment_number = 0;
  uint64_t offset = 0;  // of the record's header in its file
  LogPosition position = 0;
  LogRecordHeader header;
  uint64_t keyspace = 0;
  std::string_view batch;  // valid until the next call; empty for a mark
};

// What stands at the end of the log that was read.
struct LogEnd {
  LogPosition position = 0;      // of the end: the next record would stand here
  LogPosition known_synced = 0;  // the highest that any record told
  uint64_t segment_number = 0;   // the last segment that holds a record, or 0
  uint64_t offset = 0;           // of the end in that segment
  // Segments behind the end that hold nothing of the log and may be reused, by index in the list given.
  size_t first_unused_segment = 0;
  bool torn = false;  // bytes that look like lost records were cut
};

class LogReader {
 public:
  struct Segment {
    uint64_t number = 0;
    std::unique_ptr<ReadableFile> file;
  };
  // `segments` ascending by number, all that the manifest names.
  explicit LogReader(std::vector<Segment> segments);

  // The next record; End after the last one, when end() is set; kCorruption for rot, with file and
  // offset; kUnsupported for a newer format version.
  Status Next(LogRecord* record);
  // REQUIRES: Next() answered End.
  const LogEnd& end() const { return end_; }

 private:
  // … yours
};

}  // namespace lsm

#endif  // LSM_WAL_LOG_READER_H_
