// The log on the files of both environments, the operating system's and the one in memory.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lsm/env/env.h"
#include "lsm/env/mem_env.h"
#include "lsm/wal/log_reader.h"
#include "lsm/wal/log_writer.h"
#include "tests/wal/log_testing.h"

namespace lsm {
namespace {

using testing::MakeBatch;
using testing::Written;

constexpr uint64_t kSegmentSize = 3 * kMiB + 40;

class LogFileTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    const bool memory = GetParam();
    if (memory) mem_env_ = NewMemEnv();
    Env* const env = memory ? mem_env_.get() : Env::Posix();
    const std::string path = memory ? "log" : ::testing::TempDir() + "log_file_test";
    auto opened = env->OpenDirectory(path, Env::OpenMode::kCreateIfMissing, nullptr);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    directory_ = opened.Take();
    auto entries = directory_->List();
    ASSERT_TRUE(entries.ok());
    for (const DirectoryEntry& entry : *entries) {
      ASSERT_TRUE(directory_->Remove(entry.name).ok());
    }
  }

  // Fills `file` with batches of up to 100,000 bytes, syncing now and then.
  void Fill(Result<std::unique_ptr<LogFile>> file, uint64_t number, LogPosition base) {
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    auto created = LogWriter::Create(file.Take(), number, base, base);
    ASSERT_TRUE(created.ok()) << created.status().ToString();
    LogWriter& writer = **created;
    written_.clear();
    for (size_t size = 1;; size = size * 7 % 99991) {
      if (!writer.HasRoomFor(size)) break;
      written_.push_back(MakeBatch(written_.size() + 1, size));
      const std::string_view parts[] = {written_.back().batch};
      ASSERT_TRUE(writer.Append(parts, written_.back().sequence).ok());
      if (size % 5 == 0) {
        ASSERT_TRUE(writer.Sync().ok());
      }
    }
    end_ = writer.end();
  }

  void ExpectWritten(const std::string& name, uint64_t number) {
    auto file = directory_->OpenForReading(name);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    std::vector<LogReader::Segment> segments;
    segments.push_back({number, file.Take()});
    LogReader reader(std::move(segments));
    LogRecord record;
    size_t read = 0;
    Status status;
    while ((status = reader.Next(&record)).ok()) {
      ASSERT_LT(read, written_.size());
      ASSERT_EQ(record.batch, written_[read].batch);
      ASSERT_EQ(record.header.sequence, written_[read].sequence);
      ++read;
    }
    EXPECT_TRUE(status.Is(Code::kEnd)) << status.ToString();
    EXPECT_EQ(read, written_.size());
    EXPECT_EQ(reader.end().position, end_);
    EXPECT_FALSE(reader.end().torn);
  }

  std::unique_ptr<Env> mem_env_;
  std::unique_ptr<Directory> directory_;
  std::vector<Written> written_;
  LogPosition end_ = 0;
};

INSTANTIATE_TEST_SUITE_P(PosixAndMemory, LogFileTest, ::testing::Bool());

TEST_P(LogFileTest, FreshAndRecycled) {
  Fill(directory_->CreateLog("1.log", kSegmentSize), 1, 0);
  ExpectWritten("1.log", 1);
  LogPosition base = end_;
  for (uint64_t number = 2; number < 5; ++number) {
    const std::string old_name = absl::StrCat(number - 1, ".log");
    const std::string name = absl::StrCat(number, ".log");
    // Each life starts elsewhere among the records of the last one.
    base += 8 * number;
    Fill(directory_->ReuseLog(old_name, name, kSegmentSize), number, base);
    ExpectWritten(name, number);
    base = end_;
  }
}

}  // namespace
}  // namespace lsm
