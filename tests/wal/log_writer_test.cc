#include "lsm/wal/log_writer.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/wal/log_testing.h"

namespace lsm {
namespace {

using testing::Disk;
using testing::MakeBatch;
using testing::OpenLog;
using testing::ReadLog;
using testing::Replay;
using testing::Written;

constexpr uint64_t kNumber = 5;
constexpr LogPosition kBase = 8192;

std::unique_ptr<LogWriter> Create(Disk* disk, LogPosition known_synced = kBase) {
  auto writer = LogWriter::Create(OpenLog(disk, kNumber), kNumber, kBase, known_synced);
  EXPECT_TRUE(writer.ok()) << writer.status().ToString();
  return writer.Take();
}

Status Append(LogWriter* writer, const Written& written) {
  const std::string_view parts[] = {written.batch};
  return writer->Append(parts, written.sequence);
}

Replay ReadBytes(const Disk& disk) { return ReadLog({{kNumber, disk.bytes}}); }
Replay ReadDurable(const Disk& disk) { return ReadLog({{kNumber, disk.durable}}); }

TEST(LogWriterTest, CreateMakesTheHeaderDurable) {
  Disk disk(4096);
  const auto writer = Create(&disk, 100);
  EXPECT_EQ(writer->number(), kNumber);
  EXPECT_EQ(writer->base(), kBase);
  EXPECT_EQ(writer->end(), kBase);
  EXPECT_EQ(writer->synced(), 100u);
  const Replay replay = ReadDurable(disk);
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.end.position, kBase);
  EXPECT_EQ(replay.end.known_synced, 100u);
}

TEST(LogWriterTest, CreateReportsEveryFailure) {
  for (int Disk::*const failing :
       {&Disk::failing_reserve, &Disk::failing_commit, &Disk::failing_sync}) {
    Disk disk(4096);
    disk.*failing = 1;
    const auto writer = LogWriter::Create(OpenLog(&disk, kNumber), kNumber, kBase, 0);
    ASSERT_FALSE(writer.ok());
    EXPECT_EQ(writer.status().code(), Code::kIoError);
  }
}

TEST(LogWriterTest, PartsAreJoined) {
  Disk disk(4096);
  const auto writer = Create(&disk);
  const std::string_view parts[] = {"ab", std::string_view(), "c", "", "defghijklm"};
  ASSERT_TRUE(writer->Append(parts, 17).ok());
  ASSERT_TRUE(writer->Append({}, 18).ok());
  const Replay replay = ReadBytes(disk);
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches, (std::vector<Written>{{17, "abcdefghijklm"}, {18, ""}}));
}

TEST(LogWriterTest, EndGrowsByWhatARecordTakes) {
  Disk disk(4096);
  const auto writer = Create(&disk);
  LogPosition expected = kBase;
  for (size_t size = 0; size < 20; ++size) {
    ASSERT_TRUE(Append(writer.get(), MakeBatch(size, size)).ok());
    expected += LogRecordSize(1 + size);
    EXPECT_EQ(writer->end(), expected);
  }
}

// Padding of a recycled file must not keep what stood there, or equal logs would differ.
TEST(LogWriterTest, PaddingIsZero) {
  Disk disk(4096);
  disk.bytes.assign(4096, '\xff');
  const auto writer = Create(&disk);
  ASSERT_TRUE(Append(writer.get(), MakeBatch(1, 2)).ok());
  const size_t payload = kLogSegmentHeaderSize + kLogRecordHeaderSize;
  EXPECT_EQ(disk.bytes.substr(payload + 3, 5), std::string(5, '\0'));
  EXPECT_EQ(disk.bytes[payload + 8], '\xff');
}

TEST(LogWriterTest, RoomIsExact) {
  constexpr uint64_t kSize = 256;
  constexpr uint64_t kRoom = kSize - kLogSegmentHeaderSize - kLogRecordHeaderSize - 1;
  for (const uint64_t slack : {0, 1, 7}) {
    Disk disk(kSize + slack);
    const auto writer = Create(&disk);
    EXPECT_TRUE(writer->HasRoomFor(kRoom));
    EXPECT_FALSE(writer->HasRoomFor(kRoom + 1));
    EXPECT_FALSE(writer->HasRoomFor(UINT64_MAX));
    const Written batch = MakeBatch(1, kRoom);
    ASSERT_TRUE(Append(writer.get(), batch).ok());
    EXPECT_FALSE(writer->HasRoomFor(0));
    ASSERT_TRUE(writer->Sync().ok());
    ASSERT_TRUE(writer->AppendMark().ok());
    EXPECT_EQ(writer->end(), kBase + kSize - kLogSegmentHeaderSize);
    const Replay replay = ReadDurable(disk);
    ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
    EXPECT_EQ(replay.batches, std::vector<Written>{batch});
  }
}

TEST(LogWriterTest, SmallestFileHasNoRoom) {
  Disk disk(kLogSegmentHeaderSize);
  EXPECT_FALSE(Create(&disk)->HasRoomFor(0));
}

TEST(LogWriterTest, RecordsTellWhatWasSynced) {
  Disk disk(4096);
  const auto writer = Create(&disk);
  ASSERT_TRUE(Append(writer.get(), MakeBatch(1, 10)).ok());
  EXPECT_EQ(writer->synced(), kBase);
  ASSERT_TRUE(writer->Sync().ok());
  const LogPosition synced = writer->end();
  EXPECT_EQ(writer->synced(), synced);
  ASSERT_TRUE(Append(writer.get(), MakeBatch(2, 10)).ok());
  const Replay replay = ReadBytes(disk);
  ASSERT_TRUE(replay.Ended());
  EXPECT_EQ(replay.end.known_synced, synced);
}

TEST(LogWriterTest, SyncWritesOnlyWhatIsNew) {
  Disk disk(4096);
  const auto writer = Create(&disk);
  EXPECT_EQ(disk.syncs, 1);
  ASSERT_TRUE(writer->Sync().ok());
  EXPECT_EQ(disk.syncs, 1) << "nothing was unsynced";
  ASSERT_TRUE(Append(writer.get(), MakeBatch(1, 10)).ok());
  ASSERT_TRUE(writer->Sync().ok());
  ASSERT_TRUE(writer->Sync().ok());
  EXPECT_EQ(disk.syncs, 2);
  EXPECT_EQ(ReadDurable(disk).batches.size(), 1u);
}

// Earlier segments that were not durable when this one began are their owner's to sync.
TEST(LogWriterTest, SyncCoversEarlierSegments) {
  Disk disk(4096);
  const auto writer = Create(&disk, 100);
  ASSERT_TRUE(writer->Sync().ok());
  EXPECT_EQ(writer->synced(), kBase);
  EXPECT_EQ(disk.syncs, 1);
}

TEST(LogWriterTest, MarkTellsOnceAndComesToRest) {
  Disk disk(4096);
  const auto writer = Create(&disk);
  ASSERT_TRUE(writer->AppendMark().ok());
  EXPECT_EQ(writer->end(), kBase) << "nothing to tell";
  ASSERT_TRUE(Append(writer.get(), MakeBatch(1, 10)).ok());
  ASSERT_TRUE(writer->AppendMark().ok());
  const LogPosition batch_end = kBase + LogRecordSize(11);
  EXPECT_EQ(writer->end(), batch_end) << "nothing was synced";
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(writer->Sync().ok());
    ASSERT_TRUE(writer->AppendMark().ok());
    EXPECT_EQ(writer->end(), batch_end + LogRecordSize(0));
  }
  EXPECT_EQ(writer->synced(), writer->end());
  const Replay replay = ReadDurable(disk);
  ASSERT_TRUE(replay.Ended());
  ASSERT_EQ(replay.marks.size(), 1u);
  EXPECT_EQ(replay.marks[0].header.known_synced, batch_end);
  EXPECT_EQ(replay.end.known_synced, batch_end);
}

TEST(LogWriterTest, NextRecordMakesAMarkNeedless) {
  Disk disk(4096);
  const auto writer = Create(&disk);
  ASSERT_TRUE(Append(writer.get(), MakeBatch(1, 10)).ok());
  ASSERT_TRUE(writer->Sync().ok());
  ASSERT_TRUE(Append(writer.get(), MakeBatch(2, 10)).ok());
  const LogPosition end = writer->end();
  ASSERT_TRUE(writer->AppendMark().ok());
  EXPECT_EQ(writer->end(), end);
}

enum class Call { kAppend, kMark, kSync };

// A failed call of each sort, then every call: all must answer the first failure and touch nothing.
TEST(LogWriterTest, FirstFailureSticks) {
  struct Case {
    int Disk::*failing;
    int at;
    Call call;
    const char* message;
  };
  const Case cases[] = {
      {&Disk::failing_reserve, 3, Call::kAppend, "allocate"},
      {&Disk::failing_commit, 3, Call::kAppend, "write"},
      {&Disk::failing_sync, 2, Call::kSync, "fdatasync"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.message);
    Disk disk(4096);
    const auto writer = Create(&disk);
    disk.*c.failing = c.at;
    ASSERT_TRUE(Append(writer.get(), MakeBatch(1, 10)).ok());
    const LogPosition end = writer->end();
    const Status first =
        c.call == Call::kSync ? writer->Sync() : Append(writer.get(), MakeBatch(2, 10));
    ASSERT_EQ(first.code(), Code::kIoError);
    EXPECT_EQ(first.file(), testing::LogPath(kNumber));

    const std::string bytes = disk.bytes;
    const int reserves = disk.reserves;
    const int syncs = disk.syncs;
    for (const Status& later :
         {Append(writer.get(), MakeBatch(3, 10)), writer->Sync(), writer->AppendMark()}) {
      EXPECT_EQ(later.ToString(), first.ToString());
    }
    EXPECT_EQ(disk.bytes, bytes);
    EXPECT_EQ(disk.reserves, reserves);
    EXPECT_EQ(disk.syncs, syncs);
    EXPECT_EQ(writer->end(), end);
    EXPECT_EQ(writer->synced(), kBase);
  }
}

TEST(LogWriterTest, FailedMarkPoisons) {
  Disk disk(4096);
  const auto writer = Create(&disk);
  disk.failing_commit = 3;
  ASSERT_TRUE(Append(writer.get(), MakeBatch(1, 10)).ok());
  ASSERT_TRUE(writer->Sync().ok());
  const LogPosition end = writer->end();
  EXPECT_EQ(writer->AppendMark().code(), Code::kIoError);
  EXPECT_EQ(Append(writer.get(), MakeBatch(2, 10)).code(), Code::kIoError);
  EXPECT_EQ(writer->Sync().code(), Code::kIoError) << "also where nothing is left to sync";
  EXPECT_EQ(writer->end(), end);
}

}  // namespace
}  // namespace lsm
