// LogReader: reads the segments of the log in order and tells torn tails from rot (log_format.h).
//
// It reads through ReadableFile::Read into private memory, in pieces, and holds no more than the
// largest record and a piece: what lengths claim is bounded by the file before it is allocated.
//
// The first segment's header must be valid, for it tells where the log begins. A later one's may
// not be: such a segment was never used, unless what it holds says otherwise. A file shorter than
// its header says, or than a header, was cut: kCorruption.

#ifndef LSM_WAL_LOG_READER_H_
#define LSM_WAL_LOG_READER_H_

#include <memory>
#include <string>
#include <vector>

#include "lsm/env/env.h"
#include "lsm/wal/file_window.h"
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
  LogPosition position = 0;      // of the end: the base of the next segment to be made
  LogPosition known_synced = 0;  // the highest that anything read told; at most `position`
  uint64_t segment_number = 0;   // the last segment that holds a record, or 0
  uint64_t offset = 0;           // of the end in that segment
  // Segments behind the end hold nothing of the log and may be reused, by index in the list given.
  // They must be dropped before, or by the same edit as, the next segment is named: some may be
  // void, with records behind the end.
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
  // What the first bytes of a segment turned out to be.
  enum class HeaderKind {
    kOwn,      // valid, and this segment's
    kForeign,  // valid, but of the segment the file was in a former life
    kNone,
  };
  struct OpenSegment {
    uint64_t number = 0;
    std::unique_ptr<ReadableFile> file;
    HeaderKind kind = HeaderKind::kNone;
    LogSegmentHeader header;  // unless kNone
    uint64_t limit = 0;       // records end at or before this offset
  };
  // What a scan for record headers found.
  struct Traces {
    bool any = false;
    LogPosition known_synced = 0;
  };

  Status Start();
  Status ReadSegmentHeader(OpenSegment* segment);
  Status CheckFirstHeader() const;
  Status CheckDuplicates() const;
  void EnterSegment(size_t index);
  // False in `*found` where no valid record stands at position_.
  Status ReadRecord(LogRecord* record, bool* found);
  // Parses what a record whose sums are valid holds.
  Status ParsePayload(std::string_view payload, LogRecord* record) const;
  // After the last record of a segment: moves on to the next, or answers End or kCorruption.
  Status LeaveSegment();
  // Looks behind the end for what tells rot from a torn tail.
  Status CheckTail();
  Status CheckLaterSegment(size_t index);
  // The valid record headers from offset `begin` on, for a segment of that number and base.
  Result<Traces> Scan(const OpenSegment& segment, uint64_t number, LogPosition base,
                      uint64_t begin);
  Status Rot(LogPosition known_synced) const;

  const OpenSegment& current() const { return segments_[index_]; }
  uint64_t OffsetOf(LogPosition position) const {
    return kLogSegmentHeaderSize + (position - current().header.base);
  }

  std::vector<OpenSegment> segments_;
  internal::FileWindow window_;
  size_t index_ = 0;          // of the segment that is read
  LogPosition position_ = 0;  // of the next record
  bool started_ = false;
  Status final_;  // what Next() answers from now on, once it is not OK
  LogEnd end_;
};

}  // namespace lsm

#endif  // LSM_WAL_LOG_READER_H_
