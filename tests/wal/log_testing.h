// What the tests of the log share: segments that live in memory and fail when they are told to, and
// a reader's whole answer as one value.

#ifndef LSM_TESTS_WAL_LOG_TESTING_H_
#define LSM_TESTS_WAL_LOG_TESTING_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/env/env.h"
#include "lsm/wal/log_reader.h"
#include "lsm/wal/log_writer.h"

namespace lsm::testing {

// One segment: what survives the process and what survives the power.
struct Disk {
  explicit Disk(uint64_t size) : bytes(size, '\0'), durable(size, '\0') {}

  std::string bytes;
  std::string durable;
  // The call of each sort that fails, counted from 1 over all files on this disk; 0: none.
  int failing_reserve = 0;
  int failing_commit = 0;
  int failing_sync = 0;
  int reserves = 0;
  int commits = 0;
  std::atomic<int> syncs{0};
};

// `disk` outlives the file. Checks what LogFile requires of its caller.
std::unique_ptr<LogFile> OpenLog(Disk* disk, uint64_t number);
std::string LogPath(uint64_t number);

// A record as it was written.
struct Written {
  SequenceNumber sequence = 0;
  std::string batch;

  bool operator==(const Written&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Written& written);

// A batch of `size` bytes that differs with its sequence.
Written MakeBatch(SequenceNumber sequence, size_t size);

struct SegmentImage {
  uint64_t number = 0;
  std::string bytes;
};

struct Replay {
  std::vector<Written> batches;
  std::vector<LogRecord> marks;        // without their views
  std::vector<LogPosition> positions;  // of batches
  Status status;                       // what ended it
  LogEnd end;                          // where the status is End

  bool Ended() const { return status.Is(Code::kEnd); }
};

// Reads until something else than a record comes, and checks what LogReader promises of each
// answer.
Replay ReadLog(const std::vector<SegmentImage>& segments);

// Writes the header, with valid sums, of the record at `offset` of segment `number`, whose payload
// is in place as far as the segment has room for it.
void SealRecord(uint64_t number, LogPosition base, uint64_t offset, LogRecordHeader header,
                std::string* segment);

bool IsPrefix(const std::vector<Written>& prefix, const std::vector<Written>& whole);

}  // namespace lsm::testing

#endif  // LSM_TESTS_WAL_LOG_TESTING_H_
