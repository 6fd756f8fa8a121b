#include "lsm/wal/log_format.h"

#include <cstring>

#include "lsm/base/hash.h"

namespace lsm {
namespace {

constexpr std::string_view kMagic = "lsm-log\n";

// Where the fields of a segment header stand.
constexpr size_t kVersionAt = 8;
constexpr size_t kSumAt = 12;
constexpr size_t kNumberAt = 16;
constexpr size_t kBaseAt = 24;
constexpr size_t kSegmentKnownSyncedAt = 32;
constexpr size_t kFileSizeAt = 40;
constexpr size_t kSegmentZerosAt = 48;
static_assert(kSegmentZerosAt + 16 == kLogSegmentHeaderSize);

// Where the fields of a record header stand.
constexpr size_t kPayloadSumAt = 4;
constexpr size_t kPayloadSizeAt = 8;
constexpr size_t kKindAt = 12;
constexpr size_t kKnownSyncedAt = 16;
constexpr size_t kSequenceAt = 24;
static_assert(kSequenceAt + 8 == kLogRecordHeaderSize);

uint32_t SegmentHeaderSum(const char* header) {
  char bytes[kLogSegmentHeaderSize];
  std::memcpy(bytes, header, sizeof(bytes));
  StoreFixed<uint32_t>(bytes + kSumAt, 0);
  return Checksum32(std::string_view(bytes, sizeof(bytes)), 0);
}

uint32_t RecordHeaderSum(const char* header, uint64_t segment_number, LogPosition position) {
  const std::string_view covered(header + kPayloadSumAt, kLogRecordHeaderSize - kPayloadSumAt);
  return Checksum32(covered, ChecksumSeed(segment_number, position));
}

}  // namespace

void EncodeSegmentHeader(const LogSegmentHeader& header, char* target) {
  std::memcpy(target, kMagic.data(), kMagic.size());
  StoreFixed<uint32_t>(target + kVersionAt, kLogVersion);
  StoreFixed<uint64_t>(target + kNumberAt, header.number);
  StoreFixed<uint64_t>(target + kBaseAt, header.base);
  StoreFixed<uint64_t>(target + kSegmentKnownSyncedAt, header.known_synced);
  StoreFixed<uint64_t>(target + kFileSizeAt, header.size);
  std::memset(target + kSegmentZerosAt, 0, kLogSegmentHeaderSize - kSegmentZerosAt);
  StoreFixed<uint32_t>(target + kSumAt, SegmentHeaderSum(target));
}

bool DecodeSegmentHeader(std::string_view bytes, LogSegmentHeader* header,
                         uint32_t* newer_version) {
  *newer_version = 0;
  if (bytes.size() < kLogSegmentHeaderSize || !bytes.starts_with(kMagic)) return false;
  const char* source = bytes.data();
  if (LoadFixed<uint32_t>(source + kSumAt) != SegmentHeaderSum(source)) return false;
  const auto version = LoadFixed<uint32_t>(source + kVersionAt);
  if (version != kLogVersion) {
    if (version > kLogVersion) *newer_version = version;
    return false;
  }
  header->number = LoadFixed<uint64_t>(source + kNumberAt);
  header->base = LoadFixed<uint64_t>(source + kBaseAt);
  header->known_synced = LoadFixed<uint64_t>(source + kSegmentKnownSyncedAt);
  header->size = LoadFixed<uint64_t>(source + kFileSizeAt);
  return header->base <= kMaxLogPosition && header->base % kLogAlignment == 0 &&
         header->known_synced <= header->base && header->size >= kLogSegmentHeaderSize &&
         LoadFixed<uint64_t>(source + kSegmentZerosAt) == 0 &&
         LoadFixed<uint64_t>(source + kSegmentZerosAt + 8) == 0;
}

void EncodeRecordHeader(const LogRecordHeader& header, uint64_t segment_number,
                        LogPosition position, char* target) {
  StoreFixed<uint32_t>(target + kPayloadSumAt, header.payload_sum);
  StoreFixed<uint32_t>(target + kPayloadSizeAt, header.size);
  // Little-endian: the kind in the first byte, zeros in the three behind it.
  StoreFixed<uint32_t>(target + kKindAt, static_cast<uint32_t>(header.kind));
  StoreFixed<uint64_t>(target + kKnownSyncedAt, header.known_synced);
  StoreFixed<uint64_t>(target + kSequenceAt, header.sequence);
  StoreFixed<uint32_t>(target, RecordHeaderSum(target, segment_number, position));
}

bool DecodeRecordHeader(std::string_view bytes, uint64_t segment_number, LogPosition position,
                        LogRecordHeader* header) {
  if (bytes.size() < kLogRecordHeaderSize || !LooksLikeRecordHeader(bytes.data())) return false;
  const char* source = bytes.data();
  if (LoadFixed<uint32_t>(source) != RecordHeaderSum(source, segment_number, position)) {
    return false;
  }
  header->payload_sum = LoadFixed<uint32_t>(source + kPayloadSumAt);
  header->size = LoadFixed<uint32_t>(source + kPayloadSizeAt);
  header->kind = static_cast<LogRecordKind>(source[kKindAt]);
  header->known_synced = LoadFixed<uint64_t>(source + kKnownSyncedAt);
  header->sequence = LoadFixed<uint64_t>(source + kSequenceAt);
  return header->known_synced <= position && header->sequence <= kMaxSequence &&
         header->size <= kMaxBatchSize + kMaxVarint64Size &&
         (header->kind == LogRecordKind::kBatch || header->size == 0);
}

uint32_t LogPayloadSum(std::string_view padded_payload, uint64_t segment_number,
                       LogPosition position) {
  return Checksum32(padded_payload, ChecksumSeed(segment_number, position));
}

}  // namespace lsm
