// Damaged databases, whole: the right answer or an error, never wrong rows, never a crash
// (damage_testing.h says what is right). For N times as many images:
// bazel test --test_env=LSM_TEST_SCALE=N //tests/db:damage_test

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/env/mem_env.h"
#include "lsm/version/file_names.h"
#include "tests/db/damage_testing.h"
#include "tests/db/db_testing.h"
#include "tests/sstable/table_testing.h"

namespace lsm {
namespace {

constexpr size_t kSector = 512;

const SmallDatabase& DatabaseOf(SmallDatabaseKind kind) {
  static std::map<SmallDatabaseKind, SmallDatabase> made;
  const auto found = made.find(kind);
  return found != made.end() ? found->second
                             : made.emplace(kind, MakeSmallDatabase(kind)).first->second;
}

FileType TypeOf(const std::string& name) {
  FileType type = FileType::kCurrentTemp;
  uint64_t number;
  EXPECT_TRUE(ParseFileName(name, &type, &number)) << name;
  return type;
}

// Another version of a file, or another file of its kind.
struct Source {
  std::string name;
  std::string bytes;
};

class DamageTest : public testing::TestWithParam<SmallDatabaseKind> {
 protected:
  void SetUp() override {
    names_ = {std::string(kCurrentFileName), database_.manifest};
    for (const auto& [name, range] : database_.tables) names_.push_back(name);
    for (const std::string& name : database_.log.files) names_.push_back(name);
  }
  void TearDown() override { std::cout << images_ << " images\n"; }

  // Looks at image_. False: there was too much trouble to go on.
  bool Try(const std::string& what) {
    const LookOptions options = {
        .mmap_reads = images_ % 2 == 0, .compact = images_ % 9 == 0, .again = images_ % 3 == 0};
    ++images_;
    const Fate fate = FateOf(database_, image_);
    const std::string trouble = LookForTrouble(database_, fate, image_, options);
    if (trouble.empty()) return true;
    ADD_FAILURE() << what << ", mmap_reads " << options.mmap_reads << ", compact "
                  << options.compact << trouble;
    return ++failures_ < 10;
  }
  // The same with other bytes in one file.
  bool TryBytes(const std::string& name, std::string bytes, const std::string& what) {
    std::string& file = image_.at(name);
    if (file == bytes) return true;
    file.swap(bytes);
    const bool go_on = Try(name + ": " + what);
    file.swap(bytes);
    return go_on;
  }

  // Where the bytes of a file have a meaning, and a little of where they have none.
  uint64_t UsedBytes(const std::string& name) const {
    const uint64_t size = database_.files.at(name).size();
    if (name == database_.manifest) return std::min(size, database_.edits.UsedBytes(0) + 64);
    const auto& logs = database_.log.files;
    const auto log = std::find(logs.begin(), logs.end(), name);
    if (log == logs.end()) return size;
    return std::min(size, database_.log.UsedBytes(static_cast<size_t>(log - logs.begin())) + 64);
  }

  // About `budget` numbers below `total`, evenly spread; all of them where the budget allows it.
  std::vector<uint64_t> Sample(uint64_t total, uint64_t budget) {
    budget = 3 * budget * TestScale() / kSanitizerSlowness;
    std::vector<uint64_t> numbers;
    const uint64_t stride = std::max<uint64_t>(1, total / std::max<uint64_t>(1, budget));
    for (uint64_t begin = 0; begin < total; begin += stride) {
      numbers.push_back(begin + random_() % std::min(stride, total - begin));
    }
    return numbers;
  }

  const std::string& AnyName() { return names_[random_() % names_.size()]; }

  // What could stand in the place of `name`.
  std::vector<Source> SourcesFor(const std::string& name) const {
    std::vector<Source> sources;
    const auto add = [&](const DirectoryFiles& files) {
      for (const auto& [other, bytes] : files) {
        if (TypeOf(other) != TypeOf(name) || bytes == database_.files.at(name)) continue;
        const auto same = [&](const Source& source) { return source.bytes == bytes; };
        if (std::none_of(sources.begin(), sources.end(), same)) sources.push_back({other, bytes});
      }
    };
    add(database_.files);
    for (const DirectoryFiles& stage : database_.stages) add(stage);
    return sources;
  }

  // One of kParts of the changes.
  void ChangeBytes(uint64_t part);

  const SmallDatabase& database_ = DatabaseOf(GetParam());
  std::vector<std::string> names_;  // the files that the manifest names, and those that lead there
  DirectoryFiles image_ = database_.files;
  std::mt19937_64 random_{FirstSeed()};

 private:
  uint64_t images_ = 0;
  int failures_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Databases, DamageTest,
                         testing::Values(SmallDatabaseKind::kCompressed, SmallDatabaseKind::kRaw,
                                         SmallDatabaseKind::kReopened),
                         [](const auto& info) {
                           switch (info.param) {
                             case SmallDatabaseKind::kCompressed:
                               return "Compressed";
                             case SmallDatabaseKind::kRaw:
                               return "Raw";
                             case SmallDatabaseKind::kReopened:
                               break;
                           }
                           return "Reopened";
                         });

TEST_P(DamageTest, NothingIsWrongWithTheDatabaseItself) {
  EXPECT_GE(database_.levels, 2u);
  EXPECT_GE(database_.tables.size(), 3u);
  EXPECT_GT(database_.deletions, 0u);
  EXPECT_GT(database_.range_deletions, 0u);
  EXPECT_GE(database_.edits.places.size(), 4u);
  EXPECT_GE(database_.log.files.size(), 2u);
  EXPECT_FALSE(database_.log.places.back().is_mark);
  const auto marks = std::count_if(database_.log.places.begin(), database_.log.places.end(),
                                   [](const LogPlace& place) { return place.is_mark; });
  EXPECT_GE(marks, 2);
  for (const std::string& name : names_) {
    std::cout << name << ": " << UsedBytes(name) << " of " << image_.at(name).size() << "\n";
  }
  EXPECT_EQ(MakeSmallDatabase(GetParam()).files, database_.files);
  for (int i = 0; i < 18; ++i) Try("unharmed");
}

// Without this, a look that finds nothing would say nothing.
TEST_P(DamageTest, TheOracleNoticesWrongRows) {
  const Fate truth = FateOf(database_, image_);
  EXPECT_EQ(LookForTrouble(database_, truth, image_, {}), "");
  int row = 0;
  for (const auto& [key, value] : database_.rows()) {
    if (row++ % 8 != 0) continue;
    for (const int change : {0, 1, 2}) {
      Model rows = database_.rows();
      if (change == 0) rows.erase(key);
      if (change == 1) rows[key] += 'x';
      if (change == 2) rows[key + "!"] = value;
      Fate fate = truth;
      fate.rows = &rows;
      // A fate that allows damage elsewhere allows no wrong row.
      fate.may_fail = true;
      const std::string trouble = LookForTrouble(database_, fate, image_, {});
      EXPECT_NE(trouble.find("wrong"), std::string::npos) << key << trouble;
    }
  }
  Fate fate = truth;
  fate.must_fail = true;
  EXPECT_NE(LookForTrouble(database_, fate, image_, {}).find("noticed nothing"), std::string::npos);
}

// Of raw tables alone: a compressed value cannot be edited in place.
class RawDamageTest : public DamageTest {};

INSTANTIATE_TEST_SUITE_P(Databases, RawDamageTest, testing::Values(SmallDatabaseKind::kRaw));

// A table with a changed value and sums that are right shows wrong rows, and is no damage that
// anybody could find: only the look does.
TEST_P(RawDamageTest, TheOracleNoticesAChangeThatTheSumsDoNot) {
  const std::string value = database_.rows().at("k070");
  bool changed = false;
  for (const auto& [name, range] : database_.tables) {
    std::string& bytes = image_.at(name);
    const size_t at = bytes.find(value);
    if (at == std::string::npos) continue;
    bytes[at] = 'V';
    FixSums(&bytes);
    changed = true;
  }
  ASSERT_TRUE(changed);
  const Fate fate = FateOf(database_, image_);
  EXPECT_FALSE(fate.damaged_tables.empty());
  const std::string trouble = LookForTrouble(database_, fate, image_, {});
  EXPECT_NE(trouble.find("verify: found nothing"), std::string::npos) << trouble;
  EXPECT_NE(trouble.find("answers a wrong value"), std::string::npos) << trouble;
  EXPECT_NE(trouble.find("a scan shows wrong rows"), std::string::npos) << trouble;
}

// The longest of these tests, in parts that shards share.
constexpr uint64_t kParts = 4;

void DamageTest::ChangeBytes(uint64_t part) {
  constexpr uint64_t kWays = 10;  // each bit, all zeros, all ones
  for (const std::string& name : names_) {
    const std::string& good = database_.files.at(name);
    const uint64_t used = UsedBytes(name);
    // Each byte; fewer of the tables that are damaged in another database, too.
    const bool is_table = name.ends_with(".sst");
    uint64_t budget = used;
    if (is_table && GetParam() == SmallDatabaseKind::kCompressed) budget = used / 3;
    if (GetParam() == SmallDatabaseKind::kReopened) budget = is_table ? used / 24 : 2 * used;
    const std::vector<uint64_t> choices = Sample(used * kWays, budget);
    for (uint64_t i = part; i < choices.size(); i += kParts) {
      const uint64_t at = choices[i] / kWays;
      const uint64_t way = choices[i] % kWays;
      std::string bytes = good;
      bytes[at] = way < 8 ? static_cast<char>(bytes[at] ^ (1 << way)) : way == 8 ? '\0' : '\xff';
      const std::string what = "byte " + std::to_string(at) + " changed from " +
                               std::to_string(good[at] & 255) + " to " +
                               std::to_string(bytes[at] & 255);
      if (!TryBytes(name, std::move(bytes), what)) return;
    }
  }
}

TEST_P(DamageTest, BytesChangedInTheFirstPart) { ChangeBytes(0); }
TEST_P(DamageTest, BytesChangedInTheSecondPart) { ChangeBytes(1); }
TEST_P(DamageTest, BytesChangedInTheThirdPart) { ChangeBytes(2); }
TEST_P(DamageTest, BytesChangedInTheFourthPart) { ChangeBytes(3); }

TEST_P(DamageTest, FilesCutAndGrown) {
  for (const std::string& name : names_) {
    const std::string& good = database_.files.at(name);
    const uint64_t used = UsedBytes(name);
    for (const uint64_t size : Sample(used, 100)) {
      if (!TryBytes(name, good.substr(0, size), "cut to " + std::to_string(size))) return;
    }
    for (const uint64_t size : Sample(good.size(), 20)) {
      if (!TryBytes(name, good.substr(0, size), "cut to " + std::to_string(size))) return;
    }
    for (const uint64_t more : {1, 7, 8, 64, 128, 512, 4096}) {
      for (const char fill : {'\0', '\xa5'}) {
        const std::string what = "grown by " + std::to_string(more) + " bytes";
        if (!TryBytes(name, good + std::string(more, fill), what)) return;
      }
      const std::string what = "grown by its own last " + std::to_string(more);
      if (more > good.size()) continue;
      if (!TryBytes(name, good + good.substr(good.size() - more), what)) return;
    }
  }
}

TEST_P(DamageTest, RangesLost) {
  for (const std::string& name : names_) {
    const std::string& good = database_.files.at(name);
    const uint64_t used = UsedBytes(name);
    const auto lose = [&](uint64_t begin, uint64_t end, char fill) {
      std::string bytes = good;
      end = std::min<uint64_t>(end, bytes.size());
      std::fill(bytes.begin() + static_cast<ptrdiff_t>(begin),
                bytes.begin() + static_cast<ptrdiff_t>(end), fill);
      return TryBytes(name, std::move(bytes),
                      "bytes from " + std::to_string(begin) + " to " + std::to_string(end) +
                          " became " + std::to_string(fill & 255));
    };
    for (uint64_t begin = 0; begin < used; begin += kSector) {
      for (const char fill : {'\0', '\xff'}) {
        if (!lose(begin, begin + kSector, fill)) return;
      }
      if (!lose(begin, good.size(), '\0')) return;
    }
    for (const uint64_t begin : Sample(used, 40)) {
      if (!lose(begin, begin + kSector, '\0')) return;
      if (!lose(begin, begin + 1 + random_() % 100, '\0')) return;
      if (!lose(begin, good.size(), '\0')) return;
    }
  }
}

// A segment is named before it is written to: one with records that the manifest does not know of,
// under a number that was not yet handed out, was named by an edit that is gone.
TEST(LostEditTest, ASegmentWithRecordsIsMissed) {
  const SmallDatabase& database = DatabaseOf(SmallDatabaseKind::kReopened);
  const LogPlace& edit = *(database.edits.places.end() - 2);
  ASSERT_FALSE(edit.is_mark);
  const LogPlace& first_lost = *std::find_if(
      database.log.places.begin(), database.log.places.end(),
      [&](const LogPlace& place) { return place.file + 1 == database.log.files.size(); });
  const std::string name = database.log.files.back();
  DirectoryFiles image = database.files;
  std::string& manifest = image.at(database.manifest);
  std::fill(manifest.begin() + static_cast<ptrdiff_t>(edit.offset), manifest.end(), '\0');
  {
    const auto env = NewMemEnv();
    WriteDirectory(env.get(), kDbPath, image);
    const Status status = Db::Open(env.get(), kDbPath, TinyOptions()).status();
    EXPECT_TRUE(status.Is(Code::kCorruption)) << status.ToString();
    EXPECT_EQ(status.file(), std::string(kDbPath) + "/" + name);
    EXPECT_EQ(status.offset(), first_lost.offset);
    EXPECT_EQ(ReadDirectory(env.get(), kDbPath), image);
    EXPECT_TRUE(VerifyPath(env.get(), kDbPath, nullptr, nullptr).Is(Code::kCorruption));
  }
  // A crash may leave a segment that nothing was written to, or that was not even begun; and what
  // stands under a name of somebody's choice is no segment of this database.
  std::string begun = image.at(name);
  std::fill(begun.begin() + static_cast<ptrdiff_t>(first_lost.offset), begun.end(), '\0');
  const std::string records = std::exchange(image.at(name), begun);
  Fate fate{.rows = &database.models.at(first_lost.sequence - 1)};
  EXPECT_EQ(LookForTrouble(database, fate, image, {}), "");
  for (const std::string& bytes : {std::string(), std::string(65536, '\0'), records}) {
    image.erase(name);
    image[LogFileName(900)] = bytes;
    EXPECT_EQ(LookForTrouble(database, fate, image, {}), "");
  }
}

// Blocks that were written where others belong.
TEST_P(DamageTest, BlocksSwapped) {
  for (const uint64_t round : Sample(2400 * TestScale(), 800)) {
    const size_t size = std::vector<size_t>{8, 64, 192, kSector}[random_() % 4];
    const size_t step = round % 2 == 0 ? 8 : size;
    const std::string name = AnyName();
    const uint64_t used = UsedBytes(name);
    if (used < 2 * size) continue;
    const uint64_t from = random_() % ((used - size) / step + 1) * step;
    const uint64_t to = random_() % ((used - size) / step + 1) * step;
    if (from + size > to && to + size > from) continue;
    std::string bytes = database_.files.at(name);
    std::swap_ranges(bytes.begin() + static_cast<ptrdiff_t>(from),
                     bytes.begin() + static_cast<ptrdiff_t>(from + size),
                     bytes.begin() + static_cast<ptrdiff_t>(to));
    const std::string what = std::to_string(size) + " bytes swapped between " +
                             std::to_string(from) + " and " + std::to_string(to);
    if (!TryBytes(name, std::move(bytes), what)) return;
  }
}

TEST_P(DamageTest, BlocksOfOtherFilesAndTimes) {
  std::map<std::string, std::vector<Source>> sources;
  for (const std::string& name : names_) sources[name] = SourcesFor(name);
  for (const uint64_t round : Sample(2400 * TestScale(), 800)) {
    const std::string name = AnyName();
    if (sources[name].empty()) continue;
    const Source& source = sources[name][random_() % sources[name].size()];
    std::string bytes = database_.files.at(name);
    const uint64_t size = std::min(bytes.size(), source.bytes.size());
    const size_t block = std::vector<size_t>{64, kSector}[round % 2];
    std::string what = "from " + source.name + ", " + std::to_string(block) + " bytes at";
    // One block, or as many as a write that was half lost might leave.
    const uint64_t count = random_() % 2 == 0 ? 1 : 1 + random_() % 6;
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t at = random_() % (std::min(UsedBytes(name), size) / block + 1) * block;
      if (at >= size) continue;
      bytes.replace(at, std::min<uint64_t>(block, size - at), source.bytes, at,
                    std::min<uint64_t>(block, size - at));
      what += " " + std::to_string(at);
    }
    if (!TryBytes(name, std::move(bytes), what)) return;
  }
}

TEST_P(DamageTest, FilesReplaced) {
  for (const std::string& name : names_) {
    const std::vector<Source> sources = SourcesFor(name);
    for (size_t i = 0; i < sources.size(); ++i) {
      const std::string what =
          "replaced by " + sources[i].name + " (version " + std::to_string(i) + ")";
      if (!TryBytes(name, sources[i].bytes, what)) return;
    }
    if (!TryBytes(name, "", "emptied")) return;
    for (const std::string& other : names_) {
      if (other <= name) continue;
      std::swap(image_.at(name), image_.at(other));
      const bool go_on = Try(name + " exchanged with " + other);
      std::swap(image_.at(name), image_.at(other));
      if (!go_on) return;
    }
  }
}

TEST_P(DamageTest, FilesMissing) {
  for (const std::string& name : names_) {
    for (const std::string& other : names_) {
      if (other < name) continue;
      image_.erase(name);
      image_.erase(other);
      const bool go_on = Try(name + " and " + other + " missing");
      image_ = database_.files;
      if (!go_on) return;
    }
  }
}

TEST_P(DamageTest, FilesTooMany) {
  std::vector<std::pair<std::string, std::string>> strangers = {
      {"CURRENT.tmp", ""}, {"CURRENT.tmp", image_.at("CURRENT")}, {"notes.txt", "mine"}};
  for (const DirectoryFiles& files : database_.stages) {
    for (const auto& [name, bytes] : files) strangers.emplace_back(name, bytes);
  }
  for (const uint64_t number : {uint64_t{0}, uint64_t{7}, uint64_t{99}, uint64_t{1'000'000},
                                uint64_t{1} << 63, UINT64_MAX - 1, UINT64_MAX}) {
    for (const auto& [name, bytes] : database_.files) {
      strangers.emplace_back(ManifestFileName(number), bytes);
      strangers.emplace_back(LogFileName(number), bytes);
      strangers.emplace_back(TableFileName(number), bytes);
    }
  }
  for (const auto& [name, bytes] : strangers) {
    if (!image_.emplace(name, bytes).second) continue;
    const bool go_on = Try(name + " is there too");
    image_ = database_.files;
    if (!go_on) return;
  }
}

}  // namespace
}  // namespace lsm
