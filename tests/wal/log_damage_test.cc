// Every bit flipped, every tail lost, every sector gone: what was synced is there or reported, and
// what comes back is never anything but a prefix of what was written.

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
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
using testing::SegmentImage;
using testing::Written;

constexpr LogPosition kBase = 512;
constexpr size_t kSegmentSize = 2048;
constexpr size_t kSectorSize = 512;

// Two segments; `promised` batches are known to be synced by what follows them.
struct SmallLog {
  std::vector<SegmentImage> images;
  std::vector<Written> written;
  std::vector<size_t> used;  // bytes of each segment
  size_t promised = 0;
  // Damage in [0, promised_used[i]) of segment i touches what is known to be synced.
  std::vector<size_t> promised_used;
};

class SmallLogWriter {
 public:
  explicit SmallLogWriter(bool recycled) {
    if (!recycled) return;
    // Both files carry a former life of segments 1 and 2, all below kBase.
    for (uint64_t i = 0; i < 2; ++i) {
      const auto former = LogWriter::Create(OpenLog(&disks_[i], i + 1), i + 1, 8 * i, 0).Take();
      while (former->HasRoomFor(9)) {
        const Written batch = MakeBatch(7, 9);
        const std::string_view parts[] = {batch.batch};
        EXPECT_TRUE(former->Append(parts, 7).ok());
      }
    }
  }

  void Begin(size_t index) {
    const LogPosition base = writer_ == nullptr ? kBase : writer_->end();
    const LogPosition synced = writer_ == nullptr ? kBase : writer_->synced();
    writer_ = LogWriter::Create(OpenLog(&disks_[index], Number(index)), Number(index), base, synced)
                  .Take();
  }
  void Add(size_t size) {
    log_.written.push_back(MakeBatch(log_.written.size() + 1, size));
    const std::string_view parts[] = {log_.written.back().batch};
    EXPECT_TRUE(writer_->Append(parts, log_.written.back().sequence).ok());
  }
  LogWriter& writer() { return *writer_; }
  size_t Used() const { return kLogSegmentHeaderSize + writer_->end() - writer_->base(); }
  SmallLog& log() { return log_; }
  SmallLog Take() {
    for (size_t i = 0; i < 2; ++i) log_.images.push_back({Number(i), disks_[i].bytes});
    return std::move(log_);
  }

 private:
  static uint64_t Number(size_t index) { return 11 + index; }

  Disk disks_[2] = {Disk(kSegmentSize), Disk(kSegmentSize)};
  std::unique_ptr<LogWriter> writer_;
  SmallLog log_;
};

SmallLog MakeSmallLog(bool recycled) {
  SmallLogWriter w(recycled);
  w.Begin(0);
  w.Add(0);
  w.Add(100);
  w.Add(33);
  w.log().used.push_back(w.Used());
  w.log().promised_used.push_back(w.Used());
  w.Begin(1);
  w.Add(50);
  w.Add(400);
  EXPECT_TRUE(w.writer().Sync().ok());
  w.log().promised = w.log().written.size();
  w.log().promised_used.push_back(w.Used());
  // These tell of the five before them; the last stands sectors away from the first.
  w.Add(10);
  w.Add(900);
  w.Add(1);
  w.log().used.push_back(w.Used());
  return w.Take();
}

class LogDamageTest : public ::testing::TestWithParam<bool> {
 protected:
  const SmallLog log_ = MakeSmallLog(GetParam());
};

INSTANTIATE_TEST_SUITE_P(FreshAndRecycled, LogDamageTest, ::testing::Bool());

TEST_P(LogDamageTest, WholeLogReads) {
  const Replay replay = ReadLog(log_.images);
  ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
  EXPECT_EQ(replay.batches, log_.written);
  EXPECT_FALSE(replay.end.torn);
}

TEST_P(LogDamageTest, EveryFlippedBit) {
  for (size_t s = 0; s < log_.images.size(); ++s) {
    for (size_t bit = 0; bit < kSegmentSize * 8; ++bit) {
      std::vector<SegmentImage> images = log_.images;
      char& byte = images[s].bytes[bit / 8];
      byte = static_cast<char>(byte ^ 1 << bit % 8);
      const Replay replay = ReadLog(images);
      SCOPED_TRACE(::testing::Message() << "segment " << s << " byte " << bit / 8);
      ASSERT_TRUE(IsPrefix(replay.batches, log_.written));
      if (bit / 8 < log_.promised_used[s]) {
        ASSERT_EQ(replay.status.code(), Code::kCorruption);
        ASSERT_LT(replay.batches.size(), log_.promised);
      } else {
        ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
        ASSERT_GE(replay.batches.size(), log_.promised);
        const bool behind_the_log = bit / 8 >= log_.used[s];
        ASSERT_EQ(replay.batches.size() == log_.written.size(), behind_the_log);
      }
    }
  }
}

TEST_P(LogDamageTest, EveryTruncation) {
  for (size_t s = 0; s < log_.images.size(); ++s) {
    for (size_t size = 0; size < kSegmentSize; ++size) {
      std::vector<SegmentImage> images = log_.images;
      images[s].bytes.resize(size);
      const Replay replay = ReadLog(images);
      ASSERT_TRUE(IsPrefix(replay.batches, log_.written));
      ASSERT_EQ(replay.status.code(), Code::kCorruption) << "segment " << s << " size " << size;
    }
  }
}

// The file keeps its size, but its bytes from some point on never reached the disk.
TEST_P(LogDamageTest, EveryLostTail) {
  for (size_t s = 0; s < log_.images.size(); ++s) {
    for (size_t kept = kLogSegmentHeaderSize; kept < kSegmentSize; ++kept) {
      std::vector<SegmentImage> images = log_.images;
      images[s].bytes.replace(kept, std::string::npos, kSegmentSize - kept, '\0');
      const Replay replay = ReadLog(images);
      SCOPED_TRACE(::testing::Message() << "segment " << s << " kept " << kept);
      ASSERT_TRUE(IsPrefix(replay.batches, log_.written));
      const bool hurts =
          images[s].bytes.compare(0, log_.used[s], log_.images[s].bytes, 0, log_.used[s]) != 0;
      if (hurts && s == 0) {
        ASSERT_EQ(replay.status.code(), Code::kCorruption);
      } else {
        // What told of the second segment's synced batches went with them.
        ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
        ASSERT_EQ(replay.batches.size() < log_.written.size(), hurts);
      }
    }
  }
}

TEST_P(LogDamageTest, EveryZeroedSector) {
  for (size_t s = 0; s < log_.images.size(); ++s) {
    for (size_t begin = 0; begin < kSegmentSize; begin += kSectorSize) {
      std::vector<SegmentImage> images = log_.images;
      images[s].bytes.replace(begin, kSectorSize, kSectorSize, '\0');
      const Replay replay = ReadLog(images);
      ASSERT_TRUE(IsPrefix(replay.batches, log_.written));
      SCOPED_TRACE(::testing::Message() << "segment " << s << " sector at " << begin);
      if (begin < log_.promised_used[s]) {
        ASSERT_EQ(replay.status.code(), Code::kCorruption);
      } else {
        ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
        ASSERT_GE(replay.batches.size(), log_.promised);
        ASSERT_EQ(replay.batches.size() < log_.written.size(), begin < log_.used[s]);
      }
    }
  }
}

// Power loss: what was synced stays; of the rest every sector goes its own way. The result is a
// prefix that holds all that was synced, and never an error.
TEST(LogPowerLossTest, UnsyncedSectorsGoTheirOwnWay) {
  constexpr uint64_t kSeed = 20240607;
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 3000; ++round) {
    SCOPED_TRACE(::testing::Message() << "seed " << kSeed << " round " << round);
    Disk disks[3] = {Disk(4096), Disk(4096), Disk(4096)};
    std::vector<std::unique_ptr<LogWriter>> writers;
    std::vector<Written> written;
    size_t promised = 0;
    for (uint64_t s = 0; s < 3; ++s) {
      const LogPosition base = s == 0 ? kBase : writers.back()->end();
      const LogPosition synced = s == 0 ? kBase : writers.back()->synced();
      writers.push_back(LogWriter::Create(OpenLog(&disks[s], s + 1), s + 1, base, synced).Take());
      const size_t batches = random() % 20;
      for (size_t i = 0; i < batches; ++i) {
        const Written batch = MakeBatch(written.size() + 1, random() % 600);
        if (!writers.back()->HasRoomFor(batch.batch.size())) break;
        const std::string_view parts[] = {batch.batch};
        ASSERT_TRUE(writers.back()->Append(parts, batch.sequence).ok());
        written.push_back(batch);
        if (random() % 8 != 0) continue;
        // Earlier segments first, as the owner of the log must.
        for (const auto& w : writers) ASSERT_TRUE(w->Sync().ok());
        promised = written.size();
        if (random() % 2 == 0) {
          ASSERT_TRUE(writers.back()->AppendMark().ok());
        }
      }
    }
    std::vector<SegmentImage> images;
    for (size_t s = 0; s < 3; ++s) {
      std::string bytes = disks[s].durable;
      for (size_t at = 0; at < bytes.size(); at += kSectorSize) {
        // The old sector or the new one; synced bytes are the same in both.
        if (random() % 2 == 0) bytes.replace(at, kSectorSize, disks[s].bytes, at, kSectorSize);
      }
      images.push_back({s + 1, std::move(bytes)});
    }
    const Replay replay = ReadLog(images);
    ASSERT_TRUE(replay.Ended()) << replay.status.ToString();
    ASSERT_TRUE(IsPrefix(replay.batches, written));
    ASSERT_GE(replay.batches.size(), promised);
  }
}

}  // namespace
}  // namespace lsm
