// The write-ahead log, byte by byte.
//
// The log is one endless string of bytes in which every byte has a position (LogPosition) that
// never comes again. Segments, files of fixed size, hold consecutive pieces of it:
//
//   segment := header record*                the rest of the file is zeros or a former life's bytes
//   header  := magic:8 version:4 sum:4 number:8 base:8 known_synced:8 size:8 zero:16     64 bytes
//              base: the position of the byte after the header; size: the file's; `sum` covers the
//              header but itself. Magic, version, sum and their places are those of every version.
//   record  := header_sum:4 payload_sum:4 size:4 kind:1 zero:3 known_synced:8 sequence:8  32 bytes
//              payload:size zero*             padded to a multiple of 8
//   payload := keyspace:varint batch          kind 1; keyspace 0 is the only one so far
//            | (nothing)                      kind 2: a mark, it only tells known_synced
//
// Both sums are seeded with the segment's number and the record's position, so a record that a
// recycled file kept from a former life is never valid, nor is one that a crash left in a segment
// cut off. header_sum covers the header's bytes after itself, payload_sum the payload and its
// padding. `known_synced` is a position below which all was known to be durable when the record was
// written; `sequence` is that of the batch's first operation.
//
// Invariants:
// 1. A segment's header is durable before its first record is written.
// 2. A record's known_synced is at most its position, a segment header's at most its base.
// 3. Segments are used in the order of their numbers, and a file is recycled only when all its
//    records lie below the base of the first segment that is still needed, or were cut off.
//
// Where a segment ends. The records of a segment end at the first position X that holds no valid
// record. That is
//   - the end, when the base of the next segment with a valid header is X (one that begins below X
//     and holds no record was given up when it was made, and does not count; with a record it is
//     rot);
//   - rot, when X is known to have been durable: a valid record header behind X at a multiple of 8,
//     here or in a later segment, or a later segment's header, has known_synced > X; or valid
//     records stand under a segment header that is not valid (invariant 1). kCorruption, nothing is
//     cut;
//   - a torn tail otherwise, cut silently: nobody was ever promised those bytes. Later segments are
//     then void.

#ifndef LSM_WAL_LOG_FORMAT_H_
#define LSM_WAL_LOG_FORMAT_H_

#include <cstdint>
#include <string_view>

#include "lsm/base/coding.h"
#include "lsm/base/entry.h"
#include "lsm/base/limits.h"

namespace lsm {

using LogPosition = uint64_t;

inline constexpr uint32_t kLogVersion = 1;
// Far beyond any log, so that sums of positions and sizes never overflow.
inline constexpr LogPosition kMaxLogPosition = LogPosition{1} << 62;

enum class LogRecordKind : uint8_t { kBatch = 1, kMark = 2 };

struct LogSegmentHeader {
  uint64_t number = 0;
  LogPosition base = 0;
  LogPosition known_synced = 0;
  uint64_t size = 0;  // of the whole file
};

// Writes kLogSegmentHeaderSize bytes.
void EncodeSegmentHeader(const LogSegmentHeader& header, char* target);
// False where the bytes are no valid header of this version (a fresh, foreign or damaged file);
// `*newer_version` is then that of a whole header of a newer format, or 0.
bool DecodeSegmentHeader(std::string_view bytes, LogSegmentHeader* header, uint32_t* newer_version);

struct LogRecordHeader {
  uint32_t payload_sum = 0;
  uint32_t size = 0;
  LogRecordKind kind = LogRecordKind::kBatch;
  LogPosition known_synced = 0;
  SequenceNumber sequence = 0;
};

// Writes kLogRecordHeaderSize bytes.
void EncodeRecordHeader(const LogRecordHeader& header, uint64_t segment_number,
                        LogPosition position, char* target);
// False where the bytes hold no valid header for that place.
bool DecodeRecordHeader(std::string_view bytes, uint64_t segment_number, LogPosition position,
                        LogRecordHeader* header);

uint32_t LogPayloadSum(std::string_view padded_payload, uint64_t segment_number,
                       LogPosition position);

// The payload with its padding.
constexpr uint64_t LogPaddedSize(uint64_t payload_size) {
  return (payload_size + kLogAlignment - 1) & ~(kLogAlignment - 1);
}
// What a record takes in the log, header and padding included.
constexpr uint64_t LogRecordSize(uint64_t payload_size) {
  return kLogRecordHeaderSize + LogPaddedSize(payload_size);
}

// Whether the bytes could begin a record, told by one load: what a scan asks before it computes a
// sum.
inline bool LooksLikeRecordHeader(const char* bytes) {
  const auto kind_and_zeros = LoadFixed<uint32_t>(bytes + 12);
  return kind_and_zeros - 1 < 2;
}

}  // namespace lsm

#endif  // LSM_WAL_LOG_FORMAT_H_
