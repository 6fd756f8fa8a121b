#include "lsm/wal/log_format.h"

#include <cstring>
#include <string>

#include "gtest/gtest.h"
#include "lsm/base/coding.h"
#include "lsm/base/hash.h"

namespace lsm {
namespace {

constexpr LogSegmentHeader kSegment = {
    .number = 7, .base = 4096, .known_synced = 4000, .size = 65536};

std::string Encoded(const LogSegmentHeader& header) {
  std::string bytes(kLogSegmentHeaderSize, 'x');
  EncodeSegmentHeader(header, bytes.data());
  return bytes;
}

std::string Encoded(const LogRecordHeader& header, uint64_t number, LogPosition position) {
  std::string bytes(kLogRecordHeaderSize, 'x');
  EncodeRecordHeader(header, number, position, bytes.data());
  return bytes;
}

bool IsSegmentHeader(std::string_view bytes) {
  LogSegmentHeader header;
  uint32_t newer_version;
  return DecodeSegmentHeader(bytes, &header, &newer_version);
}

bool IsRecordHeader(std::string_view bytes, uint64_t number, LogPosition position) {
  LogRecordHeader header;
  return DecodeRecordHeader(bytes, number, position, &header);
}

TEST(LogFormatTest, SegmentHeaderRoundTrip) {
  LogSegmentHeader header;
  uint32_t newer_version = 99;
  ASSERT_TRUE(DecodeSegmentHeader(Encoded(kSegment), &header, &newer_version));
  EXPECT_EQ(header.number, kSegment.number);
  EXPECT_EQ(header.base, kSegment.base);
  EXPECT_EQ(header.known_synced, kSegment.known_synced);
  EXPECT_EQ(header.size, kSegment.size);
  EXPECT_EQ(newer_version, 0u);
}

TEST(LogFormatTest, RecordHeaderRoundTrip) {
  const LogRecordHeader written = {.payload_sum = 0xdeadbeef,
                                   .size = kMaxBatchSize,
                                   .kind = LogRecordKind::kBatch,
                                   .known_synced = 4096,
                                   .sequence = kMaxSequence};
  LogRecordHeader read;
  ASSERT_TRUE(DecodeRecordHeader(Encoded(written, 7, 4096), 7, 4096, &read));
  EXPECT_EQ(read.payload_sum, written.payload_sum);
  EXPECT_EQ(read.size, written.size);
  EXPECT_EQ(read.kind, written.kind);
  EXPECT_EQ(read.known_synced, written.known_synced);
  EXPECT_EQ(read.sequence, written.sequence);
}

// The bytes are a promise to every later version: they may only change with kLogVersion.
TEST(LogFormatTest, GoldenBytes) {
  const std::string segment = Encoded(kSegment);
  EXPECT_EQ(segment.substr(0, 8), "lsm-log\n");
  EXPECT_EQ(LoadFixed<uint32_t>(segment.data() + 8), 1u);
  EXPECT_EQ(LoadFixed<uint32_t>(segment.data() + 12), 632397779u);
  EXPECT_EQ(LoadFixed<uint64_t>(segment.data() + 16), 7u);
  EXPECT_EQ(LoadFixed<uint64_t>(segment.data() + 24), 4096u);
  EXPECT_EQ(LoadFixed<uint64_t>(segment.data() + 32), 4000u);
  EXPECT_EQ(LoadFixed<uint64_t>(segment.data() + 40), 65536u);
  EXPECT_EQ(segment.substr(48), std::string(16, '\0'));

  const LogRecordHeader header = {.payload_sum = 0x01020304,
                                  .size = 5,
                                  .kind = LogRecordKind::kBatch,
                                  .known_synced = 64,
                                  .sequence = 9};
  const std::string record = Encoded(header, 7, 128);
  EXPECT_EQ(LoadFixed<uint32_t>(record.data()), 3445489562u);
  EXPECT_EQ(LoadFixed<uint32_t>(record.data() + 4), 0x01020304u);
  EXPECT_EQ(LoadFixed<uint32_t>(record.data() + 8), 5u);
  EXPECT_EQ(LoadFixed<uint32_t>(record.data() + 12), 1u);
  EXPECT_EQ(LoadFixed<uint64_t>(record.data() + 16), 64u);
  EXPECT_EQ(LoadFixed<uint64_t>(record.data() + 24), 9u);
  EXPECT_EQ(LogPayloadSum("12345678", 7, 128), 3184254133u);
}

TEST(LogFormatTest, EveryFlippedBitIsFound) {
  std::string segment = Encoded(kSegment);
  for (size_t bit = 0; bit < segment.size() * 8; ++bit) {
    segment[bit / 8] = static_cast<char>(segment[bit / 8] ^ 1 << bit % 8);
    LogSegmentHeader header;
    uint32_t newer_version;
    EXPECT_FALSE(DecodeSegmentHeader(segment, &header, &newer_version)) << "bit " << bit;
    EXPECT_EQ(newer_version, 0u) << "a flipped bit is no newer version: bit " << bit;
    segment[bit / 8] = static_cast<char>(segment[bit / 8] ^ 1 << bit % 8);
  }
  EXPECT_TRUE(IsSegmentHeader(segment));

  std::string record = Encoded({.size = 8, .known_synced = 64, .sequence = 3}, 7, 128);
  for (size_t bit = 0; bit < record.size() * 8; ++bit) {
    record[bit / 8] = static_cast<char>(record[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(IsRecordHeader(record, 7, 128)) << "bit " << bit;
    record[bit / 8] = static_cast<char>(record[bit / 8] ^ 1 << bit % 8);
  }
  EXPECT_TRUE(IsRecordHeader(record, 7, 128));
}

TEST(LogFormatTest, RecordHeaderHoldsOnlyInItsPlace) {
  const std::string record = Encoded({.size = 8, .known_synced = 64, .sequence = 3}, 7, 128);
  EXPECT_TRUE(IsRecordHeader(record, 7, 128));
  EXPECT_FALSE(IsRecordHeader(record, 7, 136));
  EXPECT_FALSE(IsRecordHeader(record, 8, 128));
  EXPECT_NE(LogPayloadSum("12345678", 7, 128), LogPayloadSum("12345678", 7, 136));
  EXPECT_NE(LogPayloadSum("12345678", 7, 128), LogPayloadSum("12345678", 8, 128));
}

TEST(LogFormatTest, ShortBytesAreNoHeader) {
  const std::string segment = Encoded(kSegment);
  for (size_t size = 0; size < segment.size(); ++size) {
    EXPECT_FALSE(IsSegmentHeader(std::string_view(segment).substr(0, size)));
  }
  const std::string record = Encoded({.size = 8}, 7, 128);
  for (size_t size = 16; size < record.size(); ++size) {
    EXPECT_FALSE(IsRecordHeader(std::string_view(record).substr(0, size), 7, 128));
  }
}

// Valid sums do not make values believable.
TEST(LogFormatTest, AbsurdSegmentValuesAreRefused) {
  for (const LogSegmentHeader& header : {
           LogSegmentHeader{.number = 1, .base = 12, .known_synced = 0, .size = 4096},
           LogSegmentHeader{.number = 1, .base = kMaxLogPosition + 8, .size = 4096},
           LogSegmentHeader{.number = 1, .base = 64, .known_synced = 65, .size = 4096},
           LogSegmentHeader{.number = 1, .base = 64, .known_synced = 0, .size = 63},
       }) {
    EXPECT_FALSE(IsSegmentHeader(Encoded(header)));
  }
}

// Bytes whose sum is right, as of a format that is not this one.
TEST(LogFormatTest, ForeignBytesWithAValidSumAreRefused) {
  constexpr size_t kSumAt = 12;
  for (const size_t at : {size_t{0}, size_t{7}, size_t{48}, size_t{55}, size_t{56}, size_t{63}}) {
    SCOPED_TRACE(at);
    std::string bytes = Encoded(kSegment);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    StoreFixed<uint32_t>(bytes.data() + kSumAt, 0);
    StoreFixed<uint32_t>(bytes.data() + kSumAt, Checksum32(bytes, 0));
    EXPECT_FALSE(IsSegmentHeader(bytes));
  }
}

TEST(LogFormatTest, AbsurdRecordValuesAreRefused) {
  const auto kind = [](int value) { return static_cast<LogRecordKind>(value); };
  EXPECT_FALSE(IsRecordHeader(Encoded({.known_synced = 129}, 7, 128), 7, 128));
  EXPECT_FALSE(IsRecordHeader(Encoded({.sequence = kMaxSequence + 1}, 7, 128), 7, 128));
  EXPECT_FALSE(IsRecordHeader(Encoded({.size = UINT32_MAX}, 7, 128), 7, 128));
  EXPECT_FALSE(IsRecordHeader(Encoded({.size = 1, .kind = kind(2)}, 7, 128), 7, 128));
  EXPECT_FALSE(IsRecordHeader(Encoded({.kind = kind(0)}, 7, 128), 7, 128));
  EXPECT_FALSE(IsRecordHeader(Encoded({.kind = kind(3)}, 7, 128), 7, 128));
  EXPECT_TRUE(IsRecordHeader(Encoded({.known_synced = 128}, 7, 128), 7, 128));
}

TEST(LogFormatTest, Sizes) {
  EXPECT_EQ(LogRecordSize(0), 32u);
  EXPECT_EQ(LogRecordSize(1), 40u);
  EXPECT_EQ(LogRecordSize(8), 40u);
  EXPECT_EQ(LogRecordSize(9), 48u);
  EXPECT_EQ(LogRecordSize(UINT32_MAX), (uint64_t{1} << 32) + 32);
}

}  // namespace
}  // namespace lsm
