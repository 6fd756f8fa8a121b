#include "tests/wal/log_testing.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace lsm::testing {
namespace {

class FakeLogFile : public LogFile {
 public:
  FakeLogFile(Disk* disk, std::string path) : disk_(disk) {
    path_ = std::move(path);
    size_ = disk->bytes.size();
  }

  Result<char*> Reserve(uint64_t offset, size_t size) override {
    EXPECT_LE(offset, size_);
    EXPECT_LE(size, size_ - offset);
    EXPECT_GE(offset, reserved_begin_);
    if (++disk_->reserves == disk_->failing_reserve) return Failure("allocate", offset);
    reserved_begin_ = offset;
    reserved_end_ = offset + size;
    return disk_->bytes.data() + offset;
  }

  Status Commit(uint64_t offset, size_t size) override {
    EXPECT_EQ(offset, reserved_begin_);
    EXPECT_LE(offset + size, reserved_end_);
    if (++disk_->commits == disk_->failing_commit) return Failure("write", offset);
    committed_ = std::max(committed_.load(), offset + size);
    return Status::Ok();
  }

  Status Sync(uint64_t begin, uint64_t end) override {
    EXPECT_EQ(syncing_.fetch_add(1), 0) << "LogFile allows one sync at a time";
    EXPECT_LT(begin, end);
    EXPECT_LE(end, committed_.load());
    const bool fails = ++disk_->syncs == disk_->failing_sync;
    if (!fails) std::memcpy(&disk_->durable[begin], &disk_->bytes[begin], end - begin);
    syncing_.fetch_sub(1);
    return fails ? Failure("fdatasync", begin) : Status::Ok();
  }

 private:
  Status Failure(std::string_view operation, uint64_t offset) const {
    return Status::FromErrno(EIO, operation, path_, offset);
  }

  Disk* const disk_;
  uint64_t reserved_begin_ = 0;
  uint64_t reserved_end_ = 0;
  std::atomic<uint64_t> committed_{0};
  std::atomic<int> syncing_{0};
};

class FakeReadableFile : public ReadableFile {
 public:
  FakeReadableFile(std::string bytes, std::string path) : bytes_(std::move(bytes)) {
    path_ = std::move(path);
    size_ = bytes_.size();
  }

  Status Read(uint64_t offset, size_t size, char* buffer) override {
    if (offset > size_ || size > size_ - offset) {
      ADD_FAILURE() << "a read behind the end: " << offset << " + " << size << " of " << size_;
      return Status::Corruption(path_, offset, "short");
    }
    std::memcpy(buffer, bytes_.data() + offset, size);
    return Status::Ok();
  }

  Result<std::unique_ptr<FileMapping>> Map() override {
    return Status::Internal("the log is read without mappings");
  }

  Status Sync() override { return Status::Ok(); }

 private:
  const std::string bytes_;
};

}  // namespace

std::string LogPath(uint64_t number) { return absl::StrCat("db/", number, ".log"); }

std::unique_ptr<LogFile> OpenLog(Disk* disk, uint64_t number) {
  return std::make_unique<FakeLogFile>(disk, LogPath(number));
}

std::ostream& operator<<(std::ostream& out, const Written& written) {
  return out << "{sequence " << written.sequence << ", " << written.batch.size() << " bytes}";
}

Written MakeBatch(SequenceNumber sequence, size_t size) {
  Written written = {.sequence = sequence, .batch = std::string(size, '\0')};
  for (size_t i = 0; i < size; ++i) written.batch[i] = static_cast<char>(sequence * 31 + i * 7);
  return written;
}

Replay ReadLog(const std::vector<SegmentImage>& images) {
  std::vector<LogReader::Segment> segments;
  uint64_t total = 0;
  for (const SegmentImage& image : images) {
    segments.push_back(
        {.number = image.number,
         .file = std::make_unique<FakeReadableFile>(image.bytes, LogPath(image.number))});
    total += image.bytes.size();
  }
  LogReader reader(std::move(segments));
  Replay replay;
  LogRecord record;
  LogPosition position = 0;
  uint64_t taken = 0;
  while ((replay.status = reader.Next(&record)).ok()) {
    EXPECT_GE(record.position, position);
    EXPECT_LE(record.header.known_synced, record.position);
    position = record.position + LogRecordSize(record.header.size);
    taken += LogRecordSize(record.header.size);
    if (taken > total) {
      ADD_FAILURE() << "more records than the files have room for";
      return replay;
    }
    if (record.header.kind == LogRecordKind::kMark) {
      EXPECT_TRUE(record.batch.empty());
      record.batch = std::string_view();
      replay.marks.push_back(record);
    } else {
      replay.batches.push_back({record.header.sequence, std::string(record.batch)});
      replay.positions.push_back(record.position);
    }
  }
  EXPECT_EQ(reader.Next(&record).code(), replay.status.code()) << "the last answer must stay";
  if (replay.Ended()) {
    replay.end = reader.end();
    EXPECT_LE(replay.end.known_synced, replay.end.position);
    EXPECT_LE(replay.end.first_unused_segment, images.size());
  } else {
    EXPECT_NE(replay.status.message(), "");
  }
  return replay;
}

void SealRecord(uint64_t number, LogPosition base, uint64_t offset, LogRecordHeader header,
                std::string* segment) {
  const LogPosition position = base + (offset - kLogSegmentHeaderSize);
  const std::string_view payload =
      std::string_view(*segment).substr(offset + kLogRecordHeaderSize, LogPaddedSize(header.size));
  header.payload_sum = LogPayloadSum(payload, number, position);
  EncodeRecordHeader(header, number, position, segment->data() + offset);
}

bool IsPrefix(const std::vector<Written>& prefix, const std::vector<Written>& whole) {
  return prefix.size() <= whole.size() && std::equal(prefix.begin(), prefix.end(), whole.begin());
}

}  // namespace lsm::testing
