#include "lsm/wal/log_reader.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/base/hash.h"
#include "tests/wal/log_testing.h"

namespace lsm {
namespace {

using testing::Disk;
using testing::IsPrefix;
using testing::LogPath;
using testing::MakeBatch;
using testing::OpenLog;
using testing::ReadLog;
using testing::Replay;
using testing::SegmentImage;
using testing::Written;

constexpr LogPosition kBase = 4096;

// Writes a log segment after segment and keeps their disks.
class LogBuilder {
 public:
  explicit LogBuilder(uint64_t segment_size) : segment_size_(segment_size) {}

  // Starts the next segment where the last one ends, on a new disk or the one given.
  void Start(uint64_t number, Disk* recycled = nullptr) {
    if (recycled == nullptr) {
      disks_.push_back(std::make_unique<Disk>(segment_size_));
      recycled = disks_.back().get();
    }
    const LogPosition base = writer_ == nullptr ? kBase : writer_->end();
    const LogPosition synced = writer_ == nullptr ? kBase : writer_->synced();
    writer_ = LogWriter::Create(OpenLog(recycled, number), number, base, synced).Take();
    used_.push_back({number, recycled});
  }

  void Add(size_t size) {
    written_.push_back(MakeBatch(written_.size() + 1, size));
    const std::string_view parts[] = {written_.back().batch};
    ASSERT_TRUE(writer_->HasRoomFor(size));
    ASSERT_TRUE(writer_->Append(parts, written_.back().sequence).ok());
  }
  void Sync() { ASSERT_TRUE(writer_->Sync().ok()); }
  void Mark() { ASSERT_TRUE(writer_->AppendMark().ok()); }

  LogWriter& writer() { return *writer_; }
  const std::vector<Written>& written() const { return written_; }
  Disk& disk(size_t index) { return *used_[index].disk; }

  std::vector<SegmentImage> Images() const {
    std::vector<SegmentImage> images;
    for (const Used& used : used_) images.push_back({used.number, used.disk->bytes});
    return images;
  }

 private:
  struct Used {
    uint64_t number;
    Disk* disk;
  };
  const uint64_t segment_size_;
  std::vector<std::unique_ptr<Disk>> disks_;
  std::vector<Used> used_;
  std::unique_ptr<LogWriter> writer_;
  std::vector<Written> written_;
};

// Three segments of two batches each.
LogBuilder ThreeSegments() {
  LogBuilder log(4096);
  for (const uint64_t number : {3, 4, 7}) {
    log.Start(number);
    log.Add(100);
    log.Add(7);
  }
  return log;
}

// Makes the bytes of a record invalid, as a lost sector would.
void Wipe(SegmentImage* image, size_t offset, size_t size) {
  image->bytes.replace(offset, size, size, '\0');
}

void ExpectCorruption(const Replay& replay, uint64_t number, uint64_t offset) {
  EXPECT_EQ(replay.status.code(), Code::kCorruption) << replay.status.ToString();
  EXPECT_EQ(replay.status.file(), LogPath(number));
  EXPECT_EQ(replay.status.offset(), offset);
  EXPECT_NE(replay.status.message().find("expected"), std::string::npos) << replay.status.message();
  EXPECT_NE(replay.status.message().find("lsm repair"), std::string::npos)
      << replay.status.message();
}

TEST(LogReaderTest, NoSegments) {
  const Replay replay = ReadLog({});
  ASSERT_TRUE(replay.Ended());
  EXPECT_EQ(replay.end.position, 0u);
  EXPECT_EQ(replay.end.first_unused_segment, 0u);
}

TEST(LogReaderTest, FreshSegment) {
  LogBuilder log(4096);
  log.Start(3);
  const Replay replay = ReadLog(log.Images());
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_TRUE(replay.batches.empty());
  EXPECT_EQ(replay.end.position, kBase);
  EXPECT_EQ(replay.end.segment_number, 0u);
  EXPECT_EQ(replay.end.first_unused_segment, 0u);
  EXPECT_FALSE(replay.end.torn);
}

TEST(LogReaderTest, RoundTripOfAllSizes) {
  LogBuilder log(8 * kMiB);
  log.Start(3);
  for (size_t size = 0; size < 300; ++size) log.Add(size);
  // Around the piece the reader reads at a time, and well above it.
  for (const size_t size : {kMiB - 33, kMiB - 32, kMiB, 3 * kMiB}) {
    log.Add(size);
    log.Add(1);
  }
  const Replay replay = ReadLog(log.Images());
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches, log.written());
  EXPECT_EQ(replay.end.position, log.writer().end());
  EXPECT_EQ(replay.end.segment_number, 3u);
  EXPECT_EQ(replay.end.offset, kLogSegmentHeaderSize + log.writer().end() - kBase);
  EXPECT_EQ(replay.end.first_unused_segment, 1u);
  EXPECT_FALSE(replay.end.torn);
}

TEST(LogReaderTest, RecordTellsItsPlace) {
  LogBuilder log(4096);
  log.Start(3);
  log.Add(10);
  log.Add(20);
  const Replay replay = ReadLog(log.Images());
  ASSERT_EQ(replay.positions.size(), 2u);
  EXPECT_EQ(replay.positions[0], kBase);
  EXPECT_EQ(replay.positions[1], kBase + LogRecordSize(11));
}

TEST(LogReaderTest, SegmentsFollowOneAnother) {
  LogBuilder log = ThreeSegments();
  const Replay replay = ReadLog(log.Images());
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches, log.written());
  EXPECT_EQ(replay.end.segment_number, 7u);
  EXPECT_EQ(replay.end.first_unused_segment, 3u);
  EXPECT_FALSE(replay.end.torn);
}

// A segment may be begun and left without a record.
TEST(LogReaderTest, EmptySegmentsBetween) {
  LogBuilder log(4096);
  log.Start(1);
  log.Add(5);
  log.Start(2);
  log.Start(3);
  log.Add(6);
  log.Start(4);
  const Replay replay = ReadLog(log.Images());
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches, log.written());
  EXPECT_EQ(replay.end.segment_number, 3u);
  EXPECT_EQ(replay.end.first_unused_segment, 3u);
}

TEST(LogReaderTest, UnusedSegmentsMayHoldAnything) {
  LogBuilder log = ThreeSegments();
  std::vector<SegmentImage> images = log.Images();
  images.push_back({8, std::string(4096, '\0')});
  images.push_back({9, std::string(5000, '\xa5')});
  const Replay replay = ReadLog(images);
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches, log.written());
  EXPECT_EQ(replay.end.first_unused_segment, 3u);
  EXPECT_FALSE(replay.end.torn);
}

// A used segment may follow an unused one: making the one between failed.
TEST(LogReaderTest, UnusedSegmentBetween) {
  LogBuilder log = ThreeSegments();
  std::vector<SegmentImage> images = log.Images();
  images.insert(images.begin() + 2, {5, std::string(4096, '\0')});
  const Replay replay = ReadLog(images);
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches, log.written());
  EXPECT_EQ(replay.end.first_unused_segment, 4u);
}

TEST(LogReaderTest, RecycledSegment) {
  LogBuilder log = ThreeSegments();
  Disk* const old = &log.disk(0);
  log.Sync();
  log.Start(8, old);
  log.Add(100);  // as long as the first record of the former life
  std::vector<SegmentImage> images = log.Images();
  images.erase(images.begin());
  const std::vector<Written> expected(log.written().begin() + 2, log.written().end());
  const Replay replay = ReadLog(images);
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches, expected);
  EXPECT_FALSE(replay.end.torn) << "records of a former life are none that were lost";
}

// Renamed to be recycled, but not yet begun anew.
TEST(LogReaderTest, RecycledSegmentBeforeItsHeader) {
  LogBuilder log = ThreeSegments();
  log.Sync();
  log.Mark();
  std::vector<SegmentImage> images = log.Images();
  images.push_back({8, images[0].bytes});
  images.erase(images.begin());
  const Replay replay = ReadLog(images);
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches.size(), 4u);
  EXPECT_EQ(replay.end.first_unused_segment, 2u);
  EXPECT_FALSE(replay.end.torn);
}

// The same base again, as after a torn tail that was cut: records of the void segment stay void.
TEST(LogReaderTest, RecycledSegmentAtTheSamePosition) {
  LogBuilder log(4096);
  log.Start(2);
  log.Add(30);
  log.Add(40);
  Disk* const disk = &log.disk(0);
  const auto again = LogWriter::Create(OpenLog(disk, 3), 3, kBase, kBase).Take();
  Replay replay = ReadLog({{3, disk->bytes}});
  ASSERT_TRUE(replay.Ended());
  EXPECT_TRUE(replay.batches.empty());
  const Written batch = MakeBatch(9, 30);
  const std::string_view parts[] = {batch.batch};
  ASSERT_TRUE(again->Append(parts, batch.sequence).ok());
  replay = ReadLog({{3, disk->bytes}});
  ASSERT_TRUE(replay.Ended());
  EXPECT_EQ(replay.batches, std::vector<Written>{batch});
}

TEST(LogReaderTest, TornTailIsCut) {
  LogBuilder log = ThreeSegments();
  std::vector<SegmentImage> images = log.Images();
  const size_t second = kLogSegmentHeaderSize + LogRecordSize(101);
  Wipe(&images[2], second + 8, 4);
  const Replay replay = ReadLog(images);
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches.size(), 5u);
  EXPECT_EQ(replay.end.offset, second);
  EXPECT_EQ(replay.end.segment_number, 7u);
}

TEST(LogReaderTest, LostPayloadIsTorn) {
  LogBuilder log = ThreeSegments();
  std::vector<SegmentImage> images = log.Images();
  Wipe(&images[2], kLogSegmentHeaderSize + LogRecordSize(101) + kLogRecordHeaderSize, 8);
  const Replay replay = ReadLog(images);
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches.size(), 5u);
  EXPECT_TRUE(replay.end.torn);
}

// Nobody was promised the lost records, so those behind them go too.
TEST(LogReaderTest, LostTailOfAnEarlierSegmentMakesLaterOnesVoid) {
  LogBuilder log = ThreeSegments();
  std::vector<SegmentImage> images = log.Images();
  const size_t second = kLogSegmentHeaderSize + LogRecordSize(101);
  Wipe(&images[0], second, images[0].bytes.size() - second);
  const Replay replay = ReadLog(images);
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches.size(), 1u);
  EXPECT_TRUE(replay.end.torn);
  EXPECT_EQ(replay.end.segment_number, 3u);
  EXPECT_EQ(replay.end.offset, second);
  EXPECT_EQ(replay.end.first_unused_segment, 1u);
}

TEST(LogReaderTest, LostRecordsThatWereSyncedAreRot) {
  const size_t second = kLogSegmentHeaderSize + LogRecordSize(101);
  // Told by a mark right behind, by a later segment's header, by a record there.
  for (const int teller : {0, 1, 2}) {
    SCOPED_TRACE(teller);
    LogBuilder log(4096);
    log.Start(3);
    log.Add(100);
    log.Add(7);
    if (teller != 2) log.Sync();
    if (teller == 0) log.Mark();
    if (teller != 0) log.Start(4);
    if (teller == 2) {
      log.Add(1);
      log.Sync();
      log.Add(1);
    }
    std::vector<SegmentImage> images = log.Images();
    Wipe(&images[0], second, LogRecordSize(8));
    const Replay replay = ReadLog(images);
    EXPECT_EQ(replay.batches.size(), 1u);
    ExpectCorruption(replay, 3, second);
  }
}

// What tells may stand far behind, with all between gone.
TEST(LogReaderTest, RotIsFoundAcrossALongGap) {
  LogBuilder log(4 * kMiB);
  log.Start(3);
  log.Add(10);
  log.Add(3 * kMiB);
  log.Sync();
  log.Add(10);
  std::vector<SegmentImage> images = log.Images();
  const size_t second = kLogSegmentHeaderSize + LogRecordSize(11);
  Wipe(&images[0], second, LogRecordSize(3 * kMiB + 1));
  ExpectCorruption(ReadLog(images), 3, second);
}

TEST(LogReaderTest, FirstSegmentNeedsItsHeader) {
  LogBuilder log = ThreeSegments();
  std::vector<SegmentImage> images = log.Images();
  Wipe(&images[0], 0, kLogSegmentHeaderSize);
  ExpectCorruption(ReadLog(images), 3, 0);
  ExpectCorruption(ReadLog({{1, std::string(4096, '\0')}}), 1, 0);
}

// The header was durable before the first record, so its loss is rot although no record says so.
TEST(LogReaderTest, LaterSegmentWithRecordsNeedsItsHeader) {
  LogBuilder log = ThreeSegments();
  std::vector<SegmentImage> images = log.Images();
  Wipe(&images[2], 0, kLogSegmentHeaderSize);
  ExpectCorruption(ReadLog(images), 7, 0);
  // Also where its first record went with the header.
  Wipe(&images[2], 0, kLogSegmentHeaderSize + 8);
  ExpectCorruption(ReadLog(images), 7, 0);
}

TEST(LogReaderTest, InvalidHeaderInTheMiddle) {
  LogBuilder log(4096);
  for (const uint64_t number : {1, 2, 3}) {
    log.Start(number);
    log.Add(20);
    log.Sync();
  }
  std::vector<SegmentImage> images = log.Images();
  images[1].bytes.assign(4096, '\0');
  const size_t end = kLogSegmentHeaderSize + LogRecordSize(21);
  ExpectCorruption(ReadLog(images), 1, end);
}

TEST(LogReaderTest, SegmentsThatOverlap) {
  LogBuilder log = ThreeSegments();
  LogBuilder other(4096);
  other.Start(4);
  other.Add(1);
  std::vector<SegmentImage> images = log.Images();
  images[1] = other.Images()[0];
  ExpectCorruption(ReadLog(images), 4, 0);
}

// Its header was written, but its sync failed, so the log went on in the segment before.
TEST(LogReaderTest, SegmentGivenUp) {
  LogBuilder log(4096);
  log.Start(1);
  log.Add(10);
  Disk given_up(4096);
  given_up.failing_sync = 1;
  const LogPosition base = log.writer().end();
  ASSERT_FALSE(LogWriter::Create(OpenLog(&given_up, 2), 2, base, kBase).ok());
  log.Add(20);
  log.Start(3);
  log.Add(30);
  std::vector<SegmentImage> images = log.Images();
  images.insert(images.begin() + 1, {2, given_up.bytes});
  const Replay replay = ReadLog(images);
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches, log.written());
  EXPECT_EQ(replay.end.first_unused_segment, 3u);
}

TEST(LogReaderTest, SwappedAndCopiedFiles) {
  LogBuilder log = ThreeSegments();
  std::vector<SegmentImage> images = log.Images();
  std::swap(images[1].bytes, images[2].bytes);
  ExpectCorruption(ReadLog(images), 4, 0);
  images = log.Images();
  images[2].bytes = images[0].bytes;
  ExpectCorruption(ReadLog(images), 7, 0);
  images = log.Images();
  std::swap(images[0].bytes, images[1].bytes);
  ExpectCorruption(ReadLog(images), 3, 0);
}

TEST(LogReaderTest, CutFiles) {
  LogBuilder log = ThreeSegments();
  for (const size_t index : {0, 1, 2}) {
    for (size_t size = 0; size < 4096; size += 61) {
      std::vector<SegmentImage> images = log.Images();
      images[index].bytes.resize(size);
      ExpectCorruption(ReadLog(images), images[index].number, size);
    }
  }
}

// A segment that grew when it was made ready for its next life ends where its own header says.
TEST(LogReaderTest, BytesBehindTheSegmentAreIgnored) {
  LogBuilder log = ThreeSegments();
  std::vector<SegmentImage> images = log.Images();
  for (SegmentImage& image : images) image.bytes.append(1000, '\x33');
  const Replay replay = ReadLog(images);
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches, log.written());
}

TEST(LogReaderTest, NewerVersion) {
  LogBuilder log = ThreeSegments();
  for (const size_t index : {0, 1, 2}) {
    std::vector<SegmentImage> images = log.Images();
    std::string& bytes = images[index].bytes;
    StoreFixed<uint32_t>(bytes.data() + 8, 2);
    StoreFixed<uint32_t>(bytes.data() + 12, 0);
    const uint32_t sum = Checksum32(std::string_view(bytes).substr(0, kLogSegmentHeaderSize), 0);
    StoreFixed<uint32_t>(bytes.data() + 12, sum);
    const Replay replay = ReadLog(images);
    EXPECT_EQ(replay.status.code(), Code::kUnsupported);
    const std::string message(replay.status.ToString());
    EXPECT_NE(message.find(LogPath(images[index].number)), std::string::npos) << message;
    EXPECT_NE(message.find("version 2"), std::string::npos) << message;
    EXPECT_NE(message.find("up to 1"), std::string::npos) << message;
  }
}

TEST(LogReaderTest, MarksAreRecords) {
  LogBuilder log(4096);
  log.Start(1);
  log.Add(10);
  log.Sync();
  log.Mark();
  log.Add(20);
  const Replay replay = ReadLog(log.Images());
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches, log.written());
  ASSERT_EQ(replay.marks.size(), 1u);
  EXPECT_EQ(replay.marks[0].position, kBase + LogRecordSize(11));
  EXPECT_EQ(replay.marks[0].offset, kLogSegmentHeaderSize + LogRecordSize(11));
  EXPECT_EQ(replay.marks[0].segment_number, 1u);
}

// What a writer does after a failure or a crash: a new segment at the end of the valid records.
TEST(LogReaderTest, ContinuesBehindACutTail) {
  LogBuilder log(4096);
  log.Start(1);
  log.Add(10);
  log.Add(20);
  const size_t second = kLogSegmentHeaderSize + LogRecordSize(11);
  std::vector<SegmentImage> images = log.Images();
  Wipe(&images[0], second + kLogRecordHeaderSize, 8);
  const Replay first = ReadLog(images);
  ASSERT_TRUE(first.Ended());
  ASSERT_EQ(first.end.offset, second);

  Disk disk(4096);
  const auto writer =
      LogWriter::Create(OpenLog(&disk, 2), 2, first.end.position, first.end.known_synced).Take();
  const Written batch = MakeBatch(50, 12);
  const std::string_view parts[] = {batch.batch};
  ASSERT_TRUE(writer->Append(parts, batch.sequence).ok());
  ASSERT_TRUE(writer->Sync().ok());
  ASSERT_TRUE(writer->AppendMark().ok());
  images.push_back({2, disk.bytes});
  const Replay replay = ReadLog(images);
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches, (std::vector<Written>{log.written()[0], batch}));
  EXPECT_FALSE(replay.end.torn);
}

}  // namespace
}  // namespace lsm
