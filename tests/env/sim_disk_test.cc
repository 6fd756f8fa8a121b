// The simulated disk loses what it may lose, all of it, and nothing else.

#include "tests/env/sim_disk.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "tests/env/env_test_util.h"

namespace lsm {
namespace {

constexpr uint64_t kSeeds = 400;
constexpr char kPath[] = "db";

class SimDiskTest : public testing::Test {
 protected:
  // What becomes of the names, over all seeds: "a=1 b=2" for a file `a` that holds "1" …
  std::set<std::string> Outcomes() const {
    std::set<std::string> outcomes;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      std::string outcome;
      for (const auto& [name, file] : disk_.AfterPowerLoss(seed)) {
        outcome += (outcome.empty() ? "" : " ") + name + "=" + file.bytes;
      }
      outcomes.insert(outcome);
    }
    return outcomes;
  }
  std::set<std::string> OutcomesOf(const std::string& name) const {
    std::set<std::string> outcomes;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const DiskImage image = disk_.AfterPowerLoss(seed);
      const SimFileImage& file = image.at(name);
      std::string bytes = file.bytes;
      bytes.resize(file.size);
      outcomes.insert(bytes);
    }
    return outcomes;
  }
  void MakeDurable(std::string_view name, std::string_view bytes) {
    auto file = directory_->Create(name);
    ASSERT_OK(file.status());
    ASSERT_OK((*file)->Append(bytes));
    ASSERT_OK((*file)->Sync());
    ASSERT_OK(directory_->Sync());
  }
  std::unique_ptr<LogFile> NewLog(std::string_view name, uint64_t size) {
    auto log = directory_->CreateLog(name, size);
    EXPECT_OK(log.status());
    EXPECT_OK(directory_->Sync());
    return log.Take();
  }
  static void Store(LogFile* log, uint64_t offset, std::string_view bytes) {
    auto target = log->Reserve(offset, bytes.size());
    ASSERT_OK(target.status());
    std::memcpy(*target, bytes.data(), bytes.size());
  }

  SimDisk disk_{kPath, SimDisk::Threads::kOne, nullptr};
  const std::unique_ptr<Directory> directory_ = MustOpenDirectory(kPath, &disk_);
};

using Strings = std::set<std::string>;

TEST_F(SimDiskTest, ANameIsThereForSureOnlyAfterTheDirectoryWasSynced) {
  auto file = directory_->Create("a");
  ASSERT_OK(file.status());
  ASSERT_OK((*file)->Append("1"));
  ASSERT_OK((*file)->Sync());
  EXPECT_EQ(Outcomes(), (Strings{"", "a=1"}));
  ASSERT_OK(directory_->Sync());
  EXPECT_EQ(Outcomes(), (Strings{"a=1"}));
  ASSERT_OK(directory_->Remove("a"));
  EXPECT_EQ(Outcomes(), (Strings{"", "a=1"}));
  ASSERT_OK(directory_->Sync());
  EXPECT_EQ(Outcomes(), (Strings{""}));
}

TEST_F(SimDiskTest, ARenameThatIsLostBringsBackWhatItReplaced) {
  MakeDurable("a", "1");
  MakeDurable("b", "2");
  ASSERT_OK(directory_->Rename("b", "a"));
  EXPECT_EQ(Outcomes(), (Strings{"a=1 b=2", "a=2"}));
  ASSERT_OK(directory_->Sync());
  EXPECT_EQ(Outcomes(), (Strings{"a=2"}));
}

TEST_F(SimDiskTest, OperationsOnNamesAreLostEachForItself) {
  MakeDurable("a", "1");
  auto file = directory_->Create("b");
  ASSERT_OK(file.status());
  ASSERT_OK((*file)->Append("2"));
  ASSERT_OK((*file)->Sync());
  ASSERT_OK(directory_->Rename("b", "c"));
  ASSERT_OK(directory_->Remove("a"));
  EXPECT_EQ(Outcomes(), (Strings{"", "a=1", "b=2", "a=1 b=2", "c=2", "a=1 c=2"}));
}

TEST_F(SimDiskTest, WhatWasAppendedMayBeThereInPart) {
  MakeDurable("a", "12");
  auto file = directory_->Create("b");
  ASSERT_OK(file.status());
  ASSERT_OK(directory_->Sync());
  ASSERT_OK((*file)->Append("xy"));
  ASSERT_OK((*file)->Sync());
  EXPECT_EQ(OutcomesOf("b"), (Strings{"xy"}));
  ASSERT_OK((*file)->Append("z"));
  // The sector holds what was synced, so it is not rubbish.
  EXPECT_EQ(OutcomesOf("b"), (Strings{"xy", "xyz", std::string("xy\0", 3)}));
  EXPECT_EQ(OutcomesOf("a"), (Strings{"12"}));
}

TEST_F(SimDiskTest, ALogLosesSectorsEachForItself) {
  const auto log = NewLog("log", 4 * kSimSectorSize);
  const std::string zeros(kSimSectorSize, '\0');
  const std::string x(kSimSectorSize, 'x');
  // Not even committed.
  Store(log.get(), 0, x + x);
  std::set<std::pair<bool, bool>> kept;
  bool rubbish = false;
  for (const std::string& bytes : OutcomesOf("log")) {
    ASSERT_EQ(bytes.size(), 4 * kSimSectorSize);
    EXPECT_EQ(bytes.substr(2 * kSimSectorSize), zeros + zeros);
    const std::string first = bytes.substr(0, kSimSectorSize);
    const std::string second = bytes.substr(kSimSectorSize, kSimSectorSize);
    kept.emplace(first == x, second == x);
    rubbish |= first != x && first != zeros;
  }
  EXPECT_EQ(kept.size(), 4u);
  EXPECT_TRUE(rubbish);
}

TEST_F(SimDiskTest, ASyncOfALogIsOfItsRange) {
  const auto log = NewLog("log", 2 * kSimSectorSize);
  const std::string x(kSimSectorSize, 'x');
  Store(log.get(), 0, x + x);
  ASSERT_OK(log->Commit(0, 2 * kSimSectorSize));
  ASSERT_OK(log->Sync(10, 11));
  for (const std::string& bytes : OutcomesOf("log")) {
    EXPECT_EQ(bytes.substr(0, kSimSectorSize), x);
  }
  EXPECT_GT(OutcomesOf("log").size(), 2u);
  // What is put into a sector after it was synced may be lost, but not what was there before.
  Store(log.get(), 0, std::string(kSimSectorSize, 'y'));
  std::set<char> firsts;
  for (const std::string& bytes : OutcomesOf("log")) firsts.insert(bytes[0]);
  EXPECT_EQ(firsts, (std::set<char>{'x', 'y'}));
  auto reader = directory_->OpenForReading("log");
  ASSERT_OK(reader.status());
  ASSERT_OK((*reader)->Sync());
  EXPECT_EQ(OutcomesOf("log"), (Strings{std::string(kSimSectorSize, 'y') + x}));
}

TEST_F(SimDiskTest, AReusedLogKeepsWhatWasDurableUntilItIsOverwritten) {
  {
    const auto log = NewLog("old", kSimSectorSize);
    Store(log.get(), 0, "old life");
    ASSERT_OK(log->Sync(0, 8));
  }
  auto log = directory_->ReuseLog("old", "new", 2 * kSimSectorSize);
  ASSERT_OK(log.status());
  EXPECT_EQ(Outcomes(), (Strings{"old=old life", "new=old life"}));
  ASSERT_OK(directory_->Sync());
  Store(log->get(), 0, "new");
  std::set<std::string> begins;
  for (const std::string& bytes : OutcomesOf("new")) begins.insert(bytes.substr(0, 8));
  EXPECT_TRUE(begins.contains("old life"));
  EXPECT_TRUE(begins.contains("new life"));
  EXPECT_GT(begins.size(), 2u);  // zeros, rubbish
}

TEST_F(SimDiskTest, ATailThatIsGivenBackIsZeroButNotYetOnTheDisk) {
  const auto log = NewLog("log", 2 * kSimSectorSize);
  const std::string x(kSimSectorSize, 'x');
  Store(log.get(), 0, x + x);
  ASSERT_OK(log->Sync(0, 2 * kSimSectorSize));
  log->ReleaseTail(kSimSectorSize);
  log->ReleaseTail(2 * kSimSectorSize);  // nothing
  const std::string zeros(kSimSectorSize, '\0');
  EXPECT_EQ(ReadAll(directory_.get(), "log"), x + zeros);
  EXPECT_EQ(OutcomesOf("log"), (Strings{x + x, x + zeros}));
}

TEST_F(SimDiskTest, LiesAboutTheSyncsItIsToldTo) {
  disk_.LieAbout("sync a");
  for (const char* name : {"a", "b"}) MakeDurable(name, "1");
  EXPECT_TRUE(Outcomes().contains("a= b=1"));
  EXPECT_TRUE(Outcomes().contains("a=1 b=1"));
  disk_.LieAbout("directory");
  ASSERT_OK(directory_->Remove("b"));
  ASSERT_OK(directory_->Sync());
  EXPECT_TRUE(Outcomes().contains("a= b=1"));
  disk_.LieAbout("");
  ASSERT_OK(directory_->Sync());
  EXPECT_TRUE(Outcomes().contains("a="));
  EXPECT_FALSE(Outcomes().contains("a= b=1"));
}

TEST_F(SimDiskTest, AKillLosesNothingAndMakesNothingDurable) {
  MakeDurable("a", "1");
  auto file = directory_->Create("b");
  ASSERT_OK(file.status());
  ASSERT_OK((*file)->Append("2"));
  const auto log = NewLog("log", kSimSectorSize);
  Store(log.get(), 0, "record");
  ASSERT_OK(directory_->Remove("a"));
  const auto other = disk_.AfterKill();
  Store(log.get(), 0, "changed since");
  const auto directory = MustOpenDirectory(kPath, other.get());
  EXPECT_EQ(ReadAll(directory.get(), "b"), "2");
  EXPECT_EQ(ReadAll(directory.get(), "log").substr(0, 7), std::string("record\0", 7));
  EXPECT_EQ(directory->OpenForReading("a").status().errnum(), ENOENT);
  Strings records;
  bool removal_lost = false;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const DiskImage image = other->AfterPowerLoss(seed);
    records.insert(image.at("log").bytes.substr(0, 6));
    removal_lost |= image.contains("a");
  }
  EXPECT_TRUE(records.contains("record"));
  EXPECT_TRUE(records.contains(""));
  EXPECT_TRUE(removal_lost);
}

TEST_F(SimDiskTest, WhatIsLeftFollowsFromTheSeedAndOpensDurably) {
  const auto log = NewLog("log", 8 * kSimSectorSize);
  Store(log.get(), 0, std::string(8 * kSimSectorSize, 'x'));
  auto file = directory_->Create("a");
  ASSERT_OK(file.status());
  ASSERT_OK((*file)->Append(std::string(3000, 'y')));
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const DiskImage image = disk_.AfterPowerLoss(seed);
    const DiskImage again = disk_.AfterPowerLoss(seed);
    SimDisk after(kPath, SimDisk::Threads::kOne, &image);
    const DiskImage later = after.AfterPowerLoss(seed + 1);
    const auto directory = MustOpenDirectory(kPath, &after);
    ASSERT_EQ(again.size(), image.size());
    ASSERT_EQ(later.size(), image.size());
    for (const auto& [name, bytes] : image) {
      EXPECT_EQ(again.at(name).bytes, bytes.bytes);
      EXPECT_EQ(later.at(name).bytes, bytes.bytes);
      std::string whole = bytes.bytes;
      whole.resize(bytes.size);
      EXPECT_EQ(ReadAll(directory.get(), name), whole);
    }
  }
}

TEST_F(SimDiskTest, AsksTheHookBeforeEachChange) {
  std::vector<std::string> calls;
  disk_.SetHook([&](std::string_view call) {
    calls.emplace_back(call);
    (void)disk_.AfterPowerLoss(1);
  });
  MakeDurable("a", "1");
  ASSERT_OK(directory_->Rename("a", "b"));
  EXPECT_EQ(calls, (std::vector<std::string>{"create a", "append to a", "sync a",
                                             "sync the directory", "rename a to b"}));
  EXPECT_EQ(disk_.calls(), 5u);
}

TEST_F(SimDiskTest, LocksAsAnyDirectoryDoes) {
  ASSERT_OK(directory_->Lock(Directory::LockKind::kExclusive));
  EXPECT_TRUE(
      MustOpenDirectory(kPath, &disk_)->Lock(Directory::LockKind::kShared).Is(Code::kLocked));
}

TEST_F(SimDiskTest, DoesWorkInOrderAndNotWhileItIsHeldBack) {
  auto first = disk_.NewExecutor("one", 1);
  auto second = disk_.NewExecutor("two", 3);
  ASSERT_OK(first.status());
  ASSERT_OK(second.status());
  std::vector<int> done;
  disk_.HoldWork(true);
  for (int i = 0; i < 10; ++i) {
    (i % 2 == 0 ? *first : *second)->Schedule([&done, i] { done.push_back(i); });
  }
  EXPECT_TRUE(done.empty());
  disk_.HoldWork(false);
  disk_.WaitForWork();
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  disk_.HoldWork(true);
  (*first)->Schedule([&done] { done.push_back(10); });
  first->reset();  // does not wait for ever
  EXPECT_EQ(done.size(), 11u);
}

}  // namespace
}  // namespace lsm
