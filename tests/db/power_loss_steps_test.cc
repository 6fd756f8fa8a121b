// Power loss around single steps, each promise by itself: power_loss_test finds in random histories
// what nobody thought of, and takes a minute for it; here a sync that is gone shows at once, and by
// the name of what it protects.

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/db/crash_history.h"
#include "tests/db/db_testing.h"
#include "tests/env/sim_disk.h"

namespace lsm {
namespace {

// Pictures of one moment: what is not durable is kept in some and dropped in others.
constexpr uint64_t kPictures = 24;
constexpr uint64_t kPicturesOfACall = 4;

class PowerLossStepsTest : public testing::Test {
 protected:
  PowerLossStepsTest()
      : disk_(std::make_unique<SimDisk>(kDbPath, SimDisk::Threads::kOne, nullptr)) {}
  ~PowerLossStepsTest() override {
    disk_->SetHook(nullptr);
    disk_->HoldWork(false);
    if (db_ != nullptr) (void)db_->Close();
    db_.reset();
  }

  void Open(const Options& options = TinyOptions()) {
    auto db = Db::Open(disk_.get(), kDbPath, options);
    ASSERT_TRUE(db.ok()) << db.status().ToString();
    db_ = db.Take();
  }
  void Write(int begin, int end, size_t value_size = 50) {
    for (int i = begin; i < end; ++i) {
      const std::string key = absl::StrCat("key", i);
      const std::string value(value_size, static_cast<char>('a' + i % 26));
      ASSERT_TRUE(Put(db_.get(), key, value).ok());
      model_[key] = value;
    }
  }

  // If the power goes now, `rows` are what is there.
  void ExpectAfterPowerLoss(const Model& rows) {
    for (uint64_t seed = 0; seed < kPictures; ++seed) {
      ASSERT_NO_FATAL_FAILURE(ExpectRows(disk_->AfterPowerLoss(seed), rows)) << "picture " << seed;
    }
  }
  // The same at each call while `step` lasts.
  template <typename Step>
  void ExpectRowsThroughout(Step step) {
    std::vector<std::pair<std::string, DiskImage>> pictures;
    disk_->SetHook([&](std::string_view call) {
      for (uint64_t i = 0; i < kPicturesOfACall; ++i) {
        pictures.emplace_back(call, disk_->AfterPowerLoss(pictures.size()));
      }
    });
    step();
    disk_->SetHook(nullptr);
    EXPECT_GT(pictures.size(), 20u);
    for (const auto& [call, files] : pictures) {
      ASSERT_NO_FATAL_FAILURE(ExpectRows(files, model_)) << "before \"" << call << '"';
    }
  }

  std::unique_ptr<SimDisk> disk_;
  std::shared_ptr<Db> db_;
  Model model_;

 private:
  // These files open and show these rows.
  static void ExpectRows(const DiskImage& files, const Model& rows) {
    SimDisk disk(kDbPath, SimDisk::Threads::kOne, &files);
    const auto db = Db::Open(&disk, kDbPath, TinyOptions());
    ASSERT_TRUE(db.ok()) << db.status().ToString();
    ASSERT_EQ(Difference(Contents(db->get()), rows), "");
    ASSERT_TRUE((*db)->Close().ok());
  }
};

TEST_F(PowerLossStepsTest, WhatWasClosedIsDurable) {
  Open();
  Write(0, 20);
  ASSERT_TRUE(db_->Close().ok());
  ExpectAfterPowerLoss(model_);
}

TEST_F(PowerLossStepsTest, ASyncedWriteMakesThoseOfOlderLogsDurable) {
  Open();
  disk_->WaitForWork();
  disk_->HoldWork(true);
  // Beyond one memtable, and so in the next log; nothing is flushed meanwhile.
  Write(0, 60);
  ASSERT_TRUE(Put(db_.get(), "last", "", /*sync=*/true).ok());
  model_["last"] = "";
  ExpectAfterPowerLoss(model_);
}

TEST_F(PowerLossStepsTest, WhatWasFlushedIsDurableAndItsLogsAreGoneNoSooner) {
  Open();
  for (int i = 0; i < 5; ++i) {
    Write(i * 20, i * 20 + 20);
    ASSERT_TRUE(Put(db_.get(), "synced", std::to_string(i), /*sync=*/true).ok());
    model_["synced"] = std::to_string(i);
    ExpectRowsThroughout([this] {
      ASSERT_TRUE(db_->Flush().ok());
      disk_->WaitForWork();
    });
    ExpectAfterPowerLoss(model_);
  }
}

TEST_F(PowerLossStepsTest, AMergeLosesNothing) {
  Open();
  for (int i = 0; i < 4; ++i) {
    Write(i * 7, i * 7 + 100);
    ASSERT_TRUE(db_->Flush().ok());
  }
  ExpectRowsThroughout([this] {
    ASSERT_TRUE(db_->CompactRange({"", InfiniteKey()}, nullptr).ok());
    disk_->WaitForWork();
  });
  ExpectAfterPowerLoss(model_);
}

TEST_F(PowerLossStepsTest, WhatAnOpenFoundStaysFound) {
  Open();
  Write(0, 20);
  // The process dies: what it wrote is in the page cache.
  const std::unique_ptr<SimDisk> before = std::exchange(disk_, disk_->AfterKill());
  db_.reset();
  Open();
  EXPECT_EQ(Difference(Contents(db_.get()), model_), "");
  ExpectAfterPowerLoss(model_);
}

// A log larger than the memory that reads it, which is written to tables on the way.
TEST_F(PowerLossStepsTest, AnOpenThatSpillsLosesNothing) {
  Open(TinyOptions({{"memory_budget", "128MiB"}, {"write_buffer_size", "20MiB"}}));
  Write(0, 20, 2000);
  ASSERT_TRUE(Put(db_.get(), "synced", "", /*sync=*/true).ok());
  model_["synced"] = "";
  const std::unique_ptr<SimDisk> before = std::exchange(disk_, disk_->AfterKill());
  db_.reset();
  disk_->HoldWork(true);
  ExpectRowsThroughout([this] { Open(); });
  const DiskImage files = disk_->AfterPowerLoss(0);
  EXPECT_TRUE(
      std::ranges::any_of(files, [](const auto& file) { return file.first.ends_with(".sst"); }));
  ExpectAfterPowerLoss(model_);
}

TEST_F(PowerLossStepsTest, AnOpenIsWholeAtEveryMoment) {
  ExpectRowsThroughout([this] { Open(); });
  Write(0, 20);
  ASSERT_TRUE(db_->Close().ok());
  ExpectRowsThroughout([this] { Open(); });
}

TEST_F(PowerLossStepsTest, WhatWasDestroyedDoesNotComeBack) {
  Open();
  Write(0, 100);
  ASSERT_TRUE(db_->Close().ok());
  db_.reset();
  ASSERT_TRUE(DestroyDb(disk_.get(), kDbPath).ok());
  ExpectAfterPowerLoss({});
}

}  // namespace
}  // namespace lsm
