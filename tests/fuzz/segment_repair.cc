#include "tests/fuzz/segment_repair.h"

#include <algorithm>

#include "lsm/base/coding.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/wal/log_testing.h"

namespace lsm::fuzz {

using testing::SealRecord;

std::string MakeSegment(uint64_t number, LogPosition base, uint64_t size,
                        const std::vector<std::string>& payloads) {
  std::string segment(size, '\0');
  EncodeSegmentHeader({.number = number, .base = base, .known_synced = base, .size = size},
                      segment.data());
  uint64_t offset = kLogSegmentHeaderSize;
  SequenceNumber sequence = 1;
  for (const std::string& payload : payloads) {
    FUZZ_CHECK(offset + 2 * kLogRecordHeaderSize + LogPaddedSize(payload.size()) <= size);
    segment.replace(offset + kLogRecordHeaderSize, payload.size(), payload);
    SealRecord(number, base, offset,
               {.size = static_cast<uint32_t>(payload.size()),
                .kind = LogRecordKind::kBatch,
                .known_synced = base,
                .sequence = sequence++},
               &segment);
    offset += LogRecordSize(payload.size());
  }
  SealRecord(number, base, offset,
             {.kind = LogRecordKind::kMark,
              .known_synced = base + (offset - kLogSegmentHeaderSize),
              .sequence = 0},
             &segment);
  return segment;
}

void RepairSegment(uint64_t number, std::string* segment) {
  if (segment->size() < kLogSegmentHeaderSize) return;
  // magic:8 version:4 sum:4 number:8 base:8 known_synced:8 size:8
  const char* const bytes = segment->data();
  const auto base = std::min(LoadFixed<uint64_t>(bytes + 24), kMaxLogPosition);
  const auto known_synced = LoadFixed<uint64_t>(bytes + 32);
  const auto size = LoadFixed<uint64_t>(bytes + 40);
  EncodeSegmentHeader({.number = number, .base = base, .known_synced = known_synced, .size = size},
                      segment->data());
  uint64_t offset = kLogSegmentHeaderSize;
  while (segment->size() - offset >= kLogRecordHeaderSize) {
    // header_sum:4 payload_sum:4 size:4 kind:1 zero:3 known_synced:8 sequence:8
    const char* const record = segment->data() + offset;
    LogRecordHeader header{.size = LoadFixed<uint32_t>(record + 8),
                           .kind = static_cast<LogRecordKind>(record[12]),
                           .known_synced = LoadFixed<uint64_t>(record + 16),
                           .sequence = LoadFixed<uint64_t>(record + 24)};
    if (record[12] == 0) return;  // the end of the log
    if (LogRecordSize(header.size) > segment->size() - offset) return;
    SealRecord(number, base, offset, header, segment);
    offset += LogRecordSize(header.size);
  }
}

}  // namespace lsm::fuzz
