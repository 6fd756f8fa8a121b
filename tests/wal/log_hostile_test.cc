// Bytes of an enemy who computes valid sums: the reader answers records or an error, never crashes,
// and reads nothing but what is there.

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "tests/base/amounts.h"
#include "tests/wal/log_testing.h"

namespace lsm {
namespace {

using testing::ReadLog;
using testing::Replay;
using testing::SegmentImage;

constexpr LogPosition kBase = 4096;

std::string Segment(const LogSegmentHeader& header, size_t size) {
  std::string bytes(size, '\0');
  EncodeSegmentHeader(header, bytes.data());
  return bytes;
}

// Puts a record with valid sums at `offset`, with as much of its payload as the file has room for.
void PutRecord(std::string* bytes, uint64_t number, LogPosition base, size_t offset,
               LogRecordHeader header, std::string_view payload) {
  const size_t begin = offset + kLogRecordHeaderSize;
  if (begin > bytes->size()) return;
  payload = payload.substr(0, bytes->size() - begin);
  bytes->replace(begin, payload.size(), payload);
  testing::SealRecord(number, base, offset, header, bytes);
}

TEST(LogHostileTest, ASizeBeyondTheSegmentEndsIt) {
  for (const uint32_t size : {4096u, 1u << 20, (1u << 31) - 1, UINT32_MAX}) {
    std::string bytes = Segment({.number = 1, .base = kBase, .size = 4096}, 4096);
    PutRecord(&bytes, 1, kBase, kLogSegmentHeaderSize, {.size = size}, "x");
    const Replay replay = ReadLog({{1, bytes}});
    ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
    EXPECT_TRUE(replay.batches.empty());
    EXPECT_EQ(replay.end.position, kBase);
  }
}

TEST(LogHostileTest, AFileSizeBeyondTheFileIsACut) {
  for (const uint64_t size : {uint64_t{4097}, uint64_t{1} << 40, UINT64_MAX}) {
    const std::string bytes = Segment({.number = 1, .base = kBase, .size = size}, 4096);
    EXPECT_EQ(ReadLog({{1, bytes}}).status.code(), Code::kCorruption);
  }
}

TEST(LogHostileTest, ABatchWithoutKeyspaceIsCorruption) {
  const std::string overlong(10, '\xff');
  for (const std::string_view payload : {std::string_view(), std::string_view(overlong)}) {
    std::string bytes = Segment({.number = 1, .base = kBase, .size = 4096}, 4096);
    PutRecord(&bytes, 1, kBase, kLogSegmentHeaderSize,
              {.size = static_cast<uint32_t>(payload.size())}, payload);
    const Replay replay = ReadLog({{1, bytes}});
    EXPECT_EQ(replay.status.code(), Code::kCorruption) << replay.status.ToString();
    EXPECT_EQ(replay.status.offset(), kLogSegmentHeaderSize + kLogRecordHeaderSize);
  }
}

TEST(LogHostileTest, LastPossiblePositions) {
  const LogPosition base = kMaxLogPosition;
  std::string bytes =
      Segment({.number = 1, .base = base, .known_synced = base, .size = 4096}, 4096);
  PutRecord(&bytes, 1, base, kLogSegmentHeaderSize,
            {.size = 3, .known_synced = base, .sequence = kMaxSequence},
            std::string_view("\0ab", 3));
  const Replay replay = ReadLog({{1, bytes}});
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  ASSERT_EQ(replay.batches.size(), 1u);
  EXPECT_EQ(replay.batches[0].batch, "ab");
}

// A file full of records of nothing is read in as many steps as it has records.
TEST(LogHostileTest, NothingButMarks) {
  constexpr size_t kSize = 64 * 1024;
  std::string bytes = Segment({.number = 1, .base = kBase, .size = kSize}, kSize);
  for (size_t at = kLogSegmentHeaderSize; at + kLogRecordHeaderSize <= kSize;
       at += kLogRecordHeaderSize) {
    PutRecord(&bytes, 1, kBase, at, {.kind = LogRecordKind::kMark}, "");
  }
  const Replay replay = ReadLog({{1, bytes}});
  ASSERT_TRUE(replay.Ended());
  EXPECT_EQ(replay.marks.size(), (kSize - kLogSegmentHeaderSize) / kLogRecordHeaderSize);
}

class Enemy {
 public:
  explicit Enemy(uint64_t seed) : random_(seed), rarity_(3 + Below(60)) {}

  std::vector<SegmentImage> Log() {
    std::vector<SegmentImage> images;
    uint64_t number = 1;
    LogPosition base = kBase;
    const size_t segments = 1 + Below(4);
    for (size_t i = 0; i < segments; ++i, number += 1 + Below(2)) {
      images.push_back({number, SegmentBytes(number, &base)});
    }
    return images;
  }

 private:
  uint64_t Below(uint64_t limit) { return random_() % limit; }
  uint64_t Absurd() { return random_() >> Below(64); }
  bool Rarely() { return Below(rarity_) == 0; }

  std::string SegmentBytes(uint64_t number, LogPosition* base) {
    std::string bytes(64 + Below(2000), '\0');
    if (Below(2) == 0) {
      for (char& byte : bytes) byte = static_cast<char>(random_());
    }
    LogSegmentHeader header = {
        .number = number, .base = *base, .known_synced = Below(*base + 1), .size = bytes.size()};
    if (Rarely()) header.base = Absurd() / 8 * 8;
    if (Rarely()) header.number = Below(5);
    if (Rarely()) header.size = Absurd();
    if (Rarely()) header.known_synced = Absurd();
    if (!Rarely()) EncodeSegmentHeader(header, bytes.data());
    size_t at = kLogSegmentHeaderSize;
    while (at + kLogRecordHeaderSize <= bytes.size()) {
      const LogPosition position = *base + at - kLogSegmentHeaderSize;
      LogRecordHeader record = {.size = static_cast<uint32_t>(1 + Below(100)),
                                .known_synced = Below(position + 1),
                                .sequence = Below(1000)};
      if (Rarely()) record.size = static_cast<uint32_t>(Absurd());
      if (Rarely()) record.sequence = Absurd();
      if (Rarely()) record.known_synced = Absurd();
      if (Rarely()) record.kind = static_cast<LogRecordKind>(Below(4));
      std::string payload(std::min<size_t>(record.size, bytes.size()), '\0');
      if (Rarely()) payload.assign(payload.size(), static_cast<char>(random_()));
      PutRecord(&bytes, number, *base, at, record, payload);
      const uint64_t size = LogRecordSize(record.size);
      if (size > bytes.size() - at) break;
      at += size;
      if (Below(30) == 0) break;
    }
    if (Rarely()) bytes[Below(bytes.size())] ^= 1;
    *base += at - kLogSegmentHeaderSize;
    return bytes;
  }

  std::mt19937_64 random_;
  const uint64_t rarity_;  // one value in so many is absurd
};

TEST(LogHostileTest, RandomBytesWithValidSums) {
  size_t records = 0;
  size_t ended = 0;
  size_t corrupt = 0;
  const uint64_t seeds = 20000 * TestScale();
  for (uint64_t seed = FirstSeed(); seed < FirstSeed() + seeds; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    const Replay replay = ReadLog(Enemy(seed).Log());
    records += replay.batches.size() + replay.marks.size();
    ended += replay.Ended();
    corrupt += replay.status.Is(Code::kCorruption);
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
  // Else the enemy does not get past the sums, and this test tests nothing.
  EXPECT_EQ(ended + corrupt, seeds);
  EXPECT_GT(records, seeds);
  EXPECT_GT(ended, seeds / 20);
  EXPECT_GT(corrupt, seeds / 20);
}

TEST(LogHostileTest, RandomBytes) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 3000, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    EXPECT_EQ(ReadLog({{1, bytes}}).status.code(), Code::kCorruption);
  }
}

}  // namespace
}  // namespace lsm
