// The write-ahead log, byte by byte.
//
// The log is one endless string of bytes in which every byte has a position (LogPosition) that never
// comes again. Segments, files of fixed size, hold consecutive pieces of it:
//
//   segment := header record*                  the rest of the file is zeros or a former life's bytes
//   header  := magic:8 version:4 sum:4 number:8 base:8 known_synced:8 zero:24     64 bytes
//              base: the position of the byte after the header; `sum` covers the header but itself
//   record  := header_sum:4 payload_sum:4 size:4 kind:1 zero:3 known_synced:8 sequence:8    32 bytes
//              payload:size zero*             padded to a multiple of 8
//   payload := keyspace:varint batch          kind 1; keyspace 0 is the only one so far
//            | (nothing)                      kind 2: a mark, it only tells known_synced
//
// Both sums are seeded with the record's position, so a record that a recycled file kept from a former
// life is never valid. header_sum covers the header's bytes after itself, payload_sum the payload and
// its padding. `known_synced` is a position below which all was known to be durable when the record was
// written; `sequence` is that of the batch's first operation.
//
// Where a segment ends. The records of a segment end at the first position X that holds no valid record.
// That is
//   - the end, when the next segment's base is X;
//   - a torn tail, cut silently, when no valid record header behind X, here or in a later segment, has
//     known_synced > X: nobody was ever promised those bytes. Later segments are then void;
//   - rot otherwise: kCorruption at X, nothing is cut.

#ifndef LSM_WAL_LOG_FORMAT_H_
#define LSM_WAL_LOG_FORMAT_H_

#include <cstdint>
#include <string_view>

#include "lsm/base/entry.h"
#include "lsm/base/limits.h"
#include "lsm/base/status.h"

namespace lsm {

using LogPosition = uint64_t;

enum class LogRecordKind : uint8_t { kBatch = 1, kMark = 2 };

struct LogSegmentHeader {
  uint64_t number = 0;
  LogPosition base = 0;
  LogPosition known_synced = 0;
};

// Writes kLogSegmentHeaderSize bytes.
void EncodeSegmentHeader(const LogSegmentHeader& header, char* target);
// False where the bytes are no header of this format (a fresh or a foreign file): `*unsupported` then
// tells whether it is one of a newer version.
bool DecodeSegmentHeader(std::string_view bytes, LogSegmentHeader* header, bool* unsupported);

struct LogRecordHeader {
  uint32_t payload_sum = 0;
  uint32_t size = 0;
  LogRecordKind kind = LogRecordKind::kBatch;
  LogPosition known_synced = 0;
  SequenceNumber sequence = 0;
};

// Writes kLogRecordHeaderSize bytes.
void EncodeRecordHeader(const LogRecordHeader& header, LogPosition position, char* target);
// False where the bytes hold no valid header for that position.
bool DecodeRecordHeader(std::string_view bytes, LogPosition position, LogRecordHeader* header);

// What a record takes in the log, header and padding included.
constexpr uint64_t LogRecordSize(uint64_t payload_size) {
  return (kLogRecordHeaderSize + payload_size + kLogAlignment - 1) & ~(kLogAlignment - 1);
}

uint32_t LogPayloadSum(std::string_view padded_payload, LogPosition position);

}  // namespace lsm

#endif  // LSM_WAL_LOG_FORMAT_H_
