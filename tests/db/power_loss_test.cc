// Power loss: random histories run on a simulated disk (tests/env/sim_disk.h) that loses power at
// many of the calls that change it. From each picture of what is left a database is opened, and
// must hold:
//
// 1. the writes up to some point P of the order in which they were made, batches whole, where P is
//    not before the last write that was durable: a synced one, or all of them after a flush, a
//    compaction, a close, and an open that found them;
// 2. the same rows in scans both ways and in gets, and again after it was closed and opened;
// 3. just the files that its manifest names, and no damage;
// 4. what is written from then on, by the same rules: power is lost again, during recovery too, up
//    to three times. A state that was recovered once is the one that every later recovery finds.
//
// Every history has a seed, the first of them LSM_TEST_SEED; LSM_TEST_SCALE=N tries N times as
// many. A failure tells the seed, which as LSM_TEST_SEED makes it again, call by call, unless the
// history had several threads, as every fifth has.

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lsm/version/file_names.h"
#include "lsm/version/version_set.h"
#include "tests/db/crash_history.h"
#include "tests/db/db_testing.h"
#include "tests/env/sim_disk.h"

namespace lsm {
namespace {

using Random = std::mt19937_64;

constexpr uint64_t kHistories = 100 / kSanitizerSlowness;
constexpr uint64_t kSteps = 300;
constexpr uint64_t kStepsAfterCrash = 12;
constexpr int kMaxCrashes = 3;
constexpr size_t kMaxPictures = 200;  // of one history
constexpr uint64_t kKeys = 80;
// Larger than the smallest segment of the log.
constexpr size_t kLargeValue = 70'000;

struct Setting {
  Options options;
  size_t key_padding = 0;  // long keys fill manifests
  SimDisk::Threads threads = SimDisk::Threads::kOne;
  uint64_t calls_a_picture = 6;
};

Setting SettingOf(uint64_t seed) {
  switch (seed % 5) {
    case 0:
      return {TinyOptions({{"compaction_style", "leveled"}}), 0, SimDisk::Threads::kReal};
    case 1:
      return {TinyOptions()};
    case 2:
      return {TinyOptions({{"compaction_style", "leveled"}, {"compression", "none"}})};
    case 3:
      return {TinyOptions({{"compaction_style", "tiered"}, {"mmap_reads", "false"}})};
    default:
      return {TinyOptions(), 1000, SimDisk::Threads::kOne, 25};
  }
}

std::string KeyOf(uint64_t number, size_t padding) {
  return absl::StrCat("key", absl::Dec(number, absl::kZeroPad3), std::string(padding, '.'));
}

struct Picture {
  DiskImage files;
  size_t durable;
  size_t started;
  std::string where;
};

// Loses the power of a disk before one in so many of its calls, some times at most, while it lives.
class Photographer {
 public:
  Photographer(SimDisk* disk, const History* history, uint64_t seed, uint64_t one_in, size_t most)
      : history_(history), random_(seed), one_in_(one_in), most_(most) {
    Watch(disk);
  }
  Photographer(const Photographer&) = delete;
  Photographer& operator=(const Photographer&) = delete;
  ~Photographer() { disk_->SetHook(nullptr); }

  // That disk from now on.
  void Watch(SimDisk* disk) {
    disk_ = disk;
    disk_->SetHook([this](std::string_view call) { Consider(call); });
  }
  const std::vector<Picture>& Finish() {
    disk_->SetHook(nullptr);
    return pictures_;
  }

 private:
  void Consider(std::string_view call) {
    if (random_() % one_in_ != 0 || pictures_.size() >= most_) return;
    const uint64_t seed = random_();
    // What becomes durable, or is begun, while the picture is taken may or may not be in it.
    const size_t durable = history_->durable();
    DiskImage files = disk_->AfterPowerLoss(seed);
    pictures_.push_back(
        {std::move(files), durable, history_->started(),
         absl::StrCat("before call ", disk_->calls(), " (", call, "), picture ", seed)});
  }

  const History* const history_;
  Random random_;
  const uint64_t one_in_;
  const size_t most_;
  SimDisk* disk_ = nullptr;
  std::vector<Picture> pictures_;
};

// A database in use: its steps.
class User {
 public:
  User(const Setting& setting, SimDisk* disk, History* history, uint64_t seed)
      : setting_(setting), disk_(disk), history_(history), random_(seed) {}

  Db* db() { return db_.get(); }
  // Leaves work in the background held back: Settle() comes before the first step.
  Status Open() {
    HoldWork();
    LSM_ASSIGN_OR_RETURN(db_, Db::Open(disk_, kDbPath, setting_.options));
    return Status::Ok();
  }
  Status Close() {
    LetWork();
    const Status status = db_->Close();
    db_.reset();
    if (status.ok()) history_->AllIsDurable();
    return status;
  }
  // The process died; another goes on with what it left on `disk`.
  Status GoOnWith(SimDisk* disk) {
    db_.reset();
    disk_ = disk;
    LSM_RETURN_IF_ERROR(Open());
    history_->AllIsDurable();
    return Status::Ok();
  }

  Status Step() {
    const uint64_t dice = random_() % 100;
    if (dice >= 3) return WriteSome();
    LetWork();
    if (dice == 2) {
      LSM_RETURN_IF_ERROR(db_->WaitIdle());
    } else {
      const uint64_t begin = random_() % kKeys;
      LSM_RETURN_IF_ERROR(
          dice == 0 ? db_->Flush()
                    : db_->CompactRange({Key(begin), Key(begin + 1 + random_() % kKeys)}, nullptr));
      history_->AllIsDurable();
    }
    Settle();
    return Status::Ok();
  }

  // Lets all work in the background be done.
  void Settle() {
    LetWork();
    HoldWork();
  }

 private:
  std::string Key(uint64_t number) { return KeyOf(number, setting_.key_padding); }

  // Work in the background is let go from time to time, and so often that no write has to wait for
  // it.
  Status WriteSome() {
    WriteBatch batch;
    const bool marked = random_() % 3 == 0;
    const uint64_t operations = marked ? 1 + random_() % 4 : 1;
    for (uint64_t i = 0; i < operations; ++i) LSM_RETURN_IF_ERROR(AddOperation(&batch));
    if (marked) LSM_RETURN_IF_ERROR(batch.Put(kMarker, absl::StrCat(history_->next_number())));
    const uint64_t size = batch.bytes().size();
    LSM_RETURN_IF_ERROR(history_->Write(db_.get(), std::move(batch), marked, random_() % 8 == 0));
    held_bytes_ += size;
    if (held_bytes_ > 1000 || random_() % 8 == 0) Settle();
    return Status::Ok();
  }

  Status AddOperation(WriteBatch* batch) {
    const uint64_t number = random_() % kKeys;
    const uint64_t dice = random_() % 100;
    if (dice < 5) return batch->DeleteRange(Key(number), Key(number + 1 + random_() % 10));
    if (dice < 20) return batch->Delete(Key(number));
    const size_t size = random_() % 400 == 0 ? kLargeValue : random_() % 100;
    std::string value(size, static_cast<char>('a' + random_() % 26));
    if (size > 8) value.replace(0, 8, std::to_string(random_()), 0, 8);
    return batch->Put(Key(number), value);
  }

  void HoldWork() { disk_->HoldWork(true); }
  void LetWork() {
    held_bytes_ = 0;
    disk_->HoldWork(false);
    disk_->WaitForWork();
  }

  const Setting& setting_;
  SimDisk* disk_;
  History* const history_;
  Random random_;
  uint64_t held_bytes_ = 0;
  std::shared_ptr<Db> db_;
};

// "" where the directory holds what the manifest names and nothing else.
std::string CheckFiles(SimDisk* disk) {
  auto opened = disk->OpenDirectory(kDbPath, Env::OpenMode::kMustExist, nullptr);
  if (!opened.ok()) return opened.status().ToString();
  const std::shared_ptr<Directory> directory = opened.Take();
  const auto tables =
      std::make_shared<TableCache>(directory, TableReadOptions{.cache = nullptr, .map = false}, 1);
  const auto versions = VersionSet::Recover(directory, tables);
  tables->Close();
  if (!versions.ok()) return versions.status().ToString();
  std::set<std::string> expected = {std::string(kCurrentFileName),
                                    ManifestFileName((*versions)->manifest_number())};
  for (const LogSegmentRef& log : (*versions)->logs()) expected.insert(LogFileName(log.number));
  (*versions)->current()->VisitTables(
      [&](const TableFile& file) { expected.insert(TableFileName(file.meta().number)); });
  const auto entries = directory->List();
  for (const DirectoryEntry& entry : *entries) {
    if (expected.erase(entry.name) == 0) return "an orphan was left: " + entry.name;
  }
  return expected.empty() ? "" : "a file is missing: " + *expected.begin();
}

// "" or what kept the rows from being read.
std::string ReadRows(Db* db, Model* rows) {
  auto scan = db->NewScan(nullptr, {"", InfiniteKey()});
  if (!scan.ok()) return scan.status().ToString();
  Status status = (*scan)->SeekFirst();
  for (; status.ok(); status = (*scan)->Next()) rows->emplace((*scan)->key(), (*scan)->value());
  return status.Is(Code::kEnd) ? "" : "forwards: " + status.ToString();
}

// "" where scans backwards and gets show the same rows.
std::string CheckReads(Db* db, const Model& rows, size_t key_padding) {
  auto scan = db->NewScan(nullptr, {"", InfiniteKey()});
  if (!scan.ok()) return scan.status().ToString();
  Model backwards;
  Status status = (*scan)->SeekLast();
  for (; status.ok(); status = (*scan)->Prev()) {
    backwards.emplace((*scan)->key(), (*scan)->value());
  }
  if (!status.Is(Code::kEnd)) return "backwards: " + status.ToString();
  if (backwards != rows) return "a scan backwards " + Difference(backwards, rows);
  for (uint64_t i = 0; i < kKeys; ++i) {
    const std::string key = KeyOf(i, key_padding);
    const auto found = rows.find(key);
    if (Get(db, key) != (found == rows.end() ? "(none)" : found->second)) {
      return absl::StrCat("a get of ", key, " differs from the scan: ", Get(db, key));
    }
  }
  return "";
}

// "" where VerifyPath is content and another open finds these rows.
std::string CheckClosed(const Setting& setting, SimDisk* disk, const Model& rows) {
  const Status verified = VerifyPath(disk, kDbPath, nullptr, nullptr);
  if (!verified.ok()) return "verify: " + verified.ToString();
  auto db = Db::Open(disk, kDbPath, setting.options);
  if (!db.ok()) return "open again: " + db.status().ToString();
  const std::string wrong = CheckReads(db->get(), rows, setting.key_padding);
  if (!wrong.empty()) return "opened again: " + wrong;
  const Status closed = (*db)->Close();
  return closed.ok() ? "" : "close again: " + closed.ToString();
}

// Tries out whole histories, and counts what it tries.
class Trial {
 public:
  explicit Trial(uint64_t seed) : setting_(SettingOf(seed)), seed_(seed), random_(seed) {}

  // "" or the first thing that is wrong after some loss of power. `lie`: of the disk, or "".
  std::string Run(const std::string& lie) {
    History history;
    std::vector<Picture> pictures;
    const std::string problem = TakePictures(lie, &history, &pictures);
    if (!problem.empty()) return absl::StrCat("seed ", seed_, ": ", problem);
    for (const Picture& picture : pictures) {
      const std::string wrong = CheckPicture(picture, history, 1);
      if (!wrong.empty()) return absl::StrCat("seed ", seed_, " ", wrong);
    }
    return "";
  }

  // Only those of the history itself; "" or what went wrong.
  std::string TakePictures(const std::string& lie, History* history,
                           std::vector<Picture>* pictures) {
    auto disk = std::make_unique<SimDisk>(kDbPath, setting_.threads, nullptr);
    disk->LieAbout(lie);
    Photographer photographer(disk.get(), history, random_(), setting_.calls_a_picture,
                              kMaxPictures);
    std::string problem = MakeHistory(&disk, history, &photographer);
    *pictures = photographer.Finish();
    return problem;
  }

  // Pictures taken: of the history, and of what came after a loss of power.
  uint64_t pictures() const { return pictures_; }
  uint64_t nested() const { return nested_; }

 private:
  std::string MakeHistory(std::unique_ptr<SimDisk>* disk, History* history,
                          Photographer* photographer) {
    User user(setting_, disk->get(), history, random_());
    std::unique_ptr<SimDisk> before;
    Status status = user.Open();
    if (status.ok()) user.Settle();
    for (uint64_t i = 0; i < kSteps && status.ok(); ++i) {
      const uint64_t dice = random_() % 200;
      if (dice == 0) {
        status = user.Close();
        if (status.ok()) status = user.Open();
        if (status.ok()) user.Settle();
      } else if (dice == 1) {
        photographer->Finish();
        before = std::exchange(*disk, (*disk)->AfterKill());
        photographer->Watch(disk->get());
        status = user.GoOnWith(disk->get());
        before.reset();
        if (!status.ok()) break;
        const std::string lost =
            Difference(Contents(user.db()), history->StateAfter(history->started()));
        if (!lost.empty()) return "after a kill it " + lost;
        user.Settle();
      } else {
        status = user.Step();
      }
    }
    if (status.ok()) status = user.Close();
    return status.ok() ? "" : "while the history was made: " + status.ToString();
  }

  std::string CheckPicture(const Picture& picture, const History& history, int crashes) {
    ++(crashes == 1 ? pictures_ : nested_);
    SimDisk disk(kDbPath, SimDisk::Threads::kOne, &picture.files);
    History next;
    Photographer photographer(&disk, &next, random_(), /*one_in=*/30,
                              crashes < kMaxCrashes ? kMaxCrashes - crashes : 0);
    const std::string wrong = UsePicture(picture, history, &disk, &next);
    if (!wrong.empty()) return absl::StrCat(picture.where, ": ", wrong);
    for (const Picture& later : photographer.Finish()) {
      const std::string later_wrong = CheckPicture(later, next, crashes + 1);
      if (!later_wrong.empty()) return absl::StrCat(picture.where, ", then ", later_wrong);
    }
    return "";
  }

  std::string UsePicture(const Picture& picture, const History& history, SimDisk* disk,
                         History* next) {
    User user(setting_, disk, next, random_());
    Status status = user.Open();
    if (!status.ok()) return "open: " + status.ToString();
    // Before anything is done in the background.
    std::string wrong = CheckFiles(disk);
    if (!wrong.empty()) return wrong;
    Model rows;
    wrong = ReadRows(user.db(), &rows);
    if (!wrong.empty()) return wrong;
    wrong = history.Check(rows, picture.durable, picture.started);
    if (!wrong.empty()) return wrong;
    wrong = CheckReads(user.db(), rows, setting_.key_padding);
    if (!wrong.empty()) return wrong;
    // Pictures of this open show the state that it found: none of its writes was begun then.
    next->StartFrom(rows);
    user.Settle();
    for (uint64_t i = 0; i < kStepsAfterCrash && status.ok(); ++i) status = user.Step();
    if (status.ok()) status = user.Close();
    if (!status.ok()) return "used after the crash: " + status.ToString();
    return CheckClosed(setting_, disk, next->StateAfter(next->started()));
  }

  const Setting setting_;
  const uint64_t seed_;
  Random random_;
  uint64_t pictures_ = 0;
  uint64_t nested_ = 0;
};

class PowerLossTest : public testing::TestWithParam<uint64_t> {};

TEST_P(PowerLossTest, LeavesAPrefixOfTheWritesThatHoldsAllThatWasSynced) {
  Trial trial(GetParam());
  EXPECT_EQ(trial.Run(/*lie=*/""), "");
  if (HasFailure()) return;
  EXPECT_GE(trial.pictures(), 20u);
  EXPECT_GE(trial.nested(), 20u);
  RecordProperty("pictures", std::to_string(trial.pictures()));
  RecordProperty("nested", std::to_string(trial.nested()));
}

INSTANTIATE_TEST_SUITE_P(Seeds, PowerLossTest,
                         testing::Range<uint64_t>(FirstSeed(),
                                                  FirstSeed() + kHistories * TestScale()),
                         [](const auto& seed) { return std::to_string(seed.param); });

TEST(PowerLossReplayTest, TheSameSeedTakesTheSamePictures) {
  History histories[2];
  std::vector<Picture> pictures[2];
  for (int i : {0, 1}) ASSERT_EQ(Trial(1).TakePictures("", &histories[i], &pictures[i]), "");
  ASSERT_EQ(pictures[0].size(), pictures[1].size());
  for (size_t i = 0; i < pictures[0].size(); ++i) {
    ASSERT_EQ(pictures[0][i].where, pictures[1][i].where);
    ASSERT_TRUE(pictures[0][i].files == pictures[1][i].files) << pictures[0][i].where;
  }
}

// The test can fail: a disk that says it synced and did not is found out, whichever sync it was.
class LyingDiskTest : public testing::TestWithParam<const char*> {};

TEST_P(LyingDiskTest, IsFoundOut) {
  std::string found;
  for (uint64_t seed = 1; seed <= 3 && found.empty(); ++seed) found = Trial(seed).Run(GetParam());
  EXPECT_NE(found, "");
  RecordProperty("found", found);
}

INSTANTIATE_TEST_SUITE_P(Lies, LyingDiskTest,
                         testing::Values("sync the directory", ".sst", "CURRENT", "MANIFEST",
                                         "sync the beginning of 0", "sync more of 0",
                                         "sync what is there of 0"));

}  // namespace
}  // namespace lsm
