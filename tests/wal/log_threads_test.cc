#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/wal/log_testing.h"

namespace lsm {
namespace {

using testing::Disk;
using testing::IsPrefix;
using testing::MakeBatch;
using testing::OpenLog;
using testing::ReadLog;
using testing::Replay;
using testing::Written;

constexpr uint64_t kNumber = 1;
constexpr LogPosition kBase = 64;
constexpr size_t kBatches = 2000;

Status Append(LogWriter* writer, const Written& written) {
  const std::string_view parts[] = {written.batch};
  return writer->Append(parts, written.sequence);
}

// One thread appends and marks; two sync: what a sync promised is on the durable side of the disk.
TEST(LogThreadsTest, SyncsBesideAppends) {
  Disk disk(1 * kMiB);
  auto created = LogWriter::Create(OpenLog(&disk, kNumber), kNumber, kBase, kBase);
  ASSERT_TRUE(created.ok());
  LogWriter* const writer = created->get();
  std::atomic<bool> done{false};
  const auto sync = [&] {
    LogPosition before = kBase;
    while (!done.load()) {
      const LogPosition end = writer->end();
      ASSERT_TRUE(writer->Sync().ok());
      const LogPosition synced = writer->synced();
      ASSERT_GE(synced, end);
      ASSERT_GE(synced, before);
      ASSERT_LE(synced, writer->end());
      before = synced;
    }
  };
  std::thread one(sync);
  std::thread two(sync);
  std::vector<Written> written;
  for (size_t i = 0; i < kBatches; ++i) {
    written.push_back(MakeBatch(i, i % 200));
    ASSERT_TRUE(Append(writer, written.back()).ok());
    if (i % 16 == 0) {
      ASSERT_TRUE(writer->AppendMark().ok());
    }
  }
  done.store(true);
  one.join();
  two.join();
  ASSERT_TRUE(writer->Sync().ok());
  const Replay replay = ReadLog({{kNumber, disk.durable}});
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.end.position, writer->synced());
  EXPECT_EQ(replay.batches, written);
}

TEST(LogThreadsTest, AFailedSyncReachesTheAppendingThread) {
  Disk disk(64 * kKiB);
  auto created = LogWriter::Create(OpenLog(&disk, kNumber), kNumber, kBase, kBase);
  ASSERT_TRUE(created.ok());
  LogWriter* const writer = created->get();
  disk.failing_sync = 2;
  ASSERT_TRUE(Append(writer, MakeBatch(0, 10)).ok());
  std::thread syncer([&] { EXPECT_EQ(writer->Sync().code(), Code::kIoError); });
  // Ends by the failure, or, were it never seen, by want of room.
  Status status;
  std::vector<Written> written = {MakeBatch(0, 10)};
  bool joined = false;
  while (writer->HasRoomFor(10)) {
    const Written batch = MakeBatch(written.size(), 10);
    status = Append(writer, batch);
    if (!status.ok()) break;
    written.push_back(batch);
    if (written.size() == 200) {
      syncer.join();
      joined = true;
    }
  }
  if (!joined) syncer.join();
  EXPECT_EQ(status.code(), Code::kIoError);
  EXPECT_EQ(writer->synced(), kBase);
  const Replay replay = ReadLog({{kNumber, disk.bytes}});
  ASSERT_TRUE(replay.Ended());
  EXPECT_EQ(replay.batches, written);
  EXPECT_TRUE(IsPrefix(ReadLog({{kNumber, disk.durable}}).batches, written));
}

}  // namespace
}  // namespace lsm
