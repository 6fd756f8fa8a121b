// The test of histories itself: that they are what their text says, that they become small, and
// that databases and disks that lose something are found out.

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/db/history.h"
#include "tests/db/history_runner.h"
#include "tests/db/history_shrink.h"
#include "tests/env/directory_files.h"

namespace lsm {
namespace {

using Kind = Operation::Kind;

TEST(HistoryTextTest, IsReadBackAsItWas) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    const std::string text = HistoryText(DrawHistory(seed, 2000));
    const auto parsed = ParseHistory(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
    ASSERT_EQ(parsed->size(), 2000u);
    ASSERT_EQ(HistoryText(*parsed), text);
  }
}

TEST(HistoryTextTest, SaysWhichLineIsWrong) {
  for (const char* line : {"unknown",
                           "get",
                           "get 0",
                           "get 0 k1",
                           "get 0 \"k1",
                           "get 0 \"k1\" 5",
                           "get 9 \"k1\"",
                           "snapshot 0",
                           "snapshot 5",
                           "snapshot x",
                           "next 1",
                           "next 1 -1",
                           "next 1 1000001",
                           "compact \"a\"",
                           "compact \"a\" forever",
                           "write put \"a\"",
                           "write take \"a\"",
                           "write delete_range \"b\" \"a\"",
                           "get 0 \"\\q\"",
                           "get 0 \"k\\\""}) {
    const auto parsed = ParseHistory(absl::StrCat("# comment\nflush\n", line, "\nflush\n"));
    ASSERT_TRUE(parsed.status().Is(Code::kInvalidArgument)) << line;
    EXPECT_NE(parsed.status().message().find("line 3"), std::string::npos)
        << line << ": " << parsed.status().ToString();
  }
}

TEST(DrawHistoryTest, IsTheSameForTheSameSeed) {
  std::set<Kind> kinds;
  std::set<std::string> texts;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    const Operations history = DrawHistory(seed, 3000);
    for (const Operation& operation : history) kinds.insert(operation.kind);
    EXPECT_EQ(HasCrashes(history), seed % 4 == 0);
    EXPECT_EQ(HistoryText(history), HistoryText(DrawHistory(seed, 3000)));
    EXPECT_TRUE(texts.insert(HistoryText(history)).second);
  }
  for (int kind = 0; kind <= static_cast<int>(Kind::kPowerLoss); ++kind) {
    EXPECT_TRUE(kinds.contains(static_cast<Kind>(kind))) << kind;
  }
}

// Fails where three of its operations are there, in order, one of them within a batch.
bool HasThePattern(const Operations& history) {
  auto at = history.begin();
  const auto find = [&](auto matches) {
    at = std::find_if(at, history.end(), matches);
    return at != history.end();
  };
  return find([](const Operation& o) { return o.kind == Kind::kReopen; }) &&
         find([](const Operation& o) {
           return o.kind == Kind::kWrite && o.batch.bytes().find("needle") != std::string::npos;
         }) &&
         find([](const Operation& o) { return o.kind == Kind::kVerify; });
}

Operations HistoryWithThePattern() {
  Operations history = DrawHistory(1, 5000);
  history[700] = {.kind = Kind::kReopen};
  history[2345] = {.kind = Kind::kWrite};
  for (int i = 0; i < 20; ++i) {
    Must(history[2345].batch.Put(absl::StrCat("key", i), i == 13 ? "needle" : "hay"));
  }
  history[4000] = {.kind = Kind::kVerify};
  return history;
}

TEST(ShrinkHistoryTest, LeavesOnlyWhatFails) {
  size_t runs = 0;
  const Operations small = ShrinkHistory(
      HistoryWithThePattern(),
      [&](const Operations& part) {
        ++runs;
        return HasThePattern(part);
      },
      1000);
  EXPECT_EQ(HistoryText(small), "reopen 0\nwrite put \"key13\" \"needle\"\nverify\n");
  EXPECT_LT(runs, 400u);
}

TEST(ShrinkHistoryTest, KeepsToItsNumberOfRuns) {
  for (const size_t most : {size_t{0}, size_t{1}, size_t{20}}) {
    size_t runs = 0;
    const Operations small = ShrinkHistory(
        HistoryWithThePattern(),
        [&](const Operations& part) {
          ++runs;
          return HasThePattern(part);
        },
        most);
    EXPECT_EQ(runs, most);
    EXPECT_TRUE(HasThePattern(small));
  }
}

TEST(ShrinkHistoryTest, LeavesWhatDoesNotFailAsItIs) {
  const Operations history = DrawHistory(3, 50);
  const auto never = [](const Operations&) { return false; };
  EXPECT_EQ(HistoryText(ShrinkHistory(history, never, 1000)), HistoryText(history));
}

// A database that forgets range deletions that cover one key.
class ForgetfulDb final : public Db {
 public:
  static constexpr std::string_view kKey = "k7";

  explicit ForgetfulDb(std::shared_ptr<Db> db) : db_(std::move(db)) {}
  Status Close() override { return db_->Close(); }
  Status Write(const WriteOp& op, bool sync) override { return db_->Write(op, sync); }
  Status Write(const WriteBatch& batch, bool sync) override {
    BatchReader reader(batch.bytes());
    for (WriteOp op; reader.Next(&op);) {
      if (op.kind == EntryKind::kRangeDelete && op.key <= kKey && kKey < op.value) {
        return Status::Ok();
      }
    }
    return db_->Write(batch, sync);
  }
  Status Get(const Snapshot* snapshot, std::string_view key, Value* value) override {
    return db_->Get(snapshot, key, value);
  }
  Result<std::unique_ptr<Scan>> NewScan(const Snapshot* snapshot, KeyRangeView range) override {
    return db_->NewScan(snapshot, range);
  }
  Result<std::unique_ptr<Snapshot>> NewSnapshot() override { return db_->NewSnapshot(); }
  Status Flush() override { return db_->Flush(); }
  Status CompactRange(KeyRangeView range, const ProgressFn& progress) override {
    return db_->CompactRange(range, progress);
  }
  Status WaitIdle() override { return db_->WaitIdle(); }
  Result<std::string> GetProperty(std::string_view name) override { return db_->GetProperty(name); }

 private:
  const std::shared_ptr<Db> db_;
};

// The first history that fails with the tweaks, made small.
Operations FindAndShrink(const HistoryTweaks& tweaks) {
  const auto fails = [&](const Operations& part) { return !RunHistory(part, 0, tweaks).empty(); };
  for (uint64_t seed = 4; seed <= 40; seed += 4) {
    const Operations history = DrawHistory(seed, 3000);
    if (fails(history)) return ShrinkHistory(history, fails, 600);
  }
  return {};
}

TEST(CanaryTest, ALostRangeDeletionIsFoundAndMadeSmall) {
  const Operations small = FindAndShrink(
      {.decorate =
           [](std::shared_ptr<Db> db) { return std::make_shared<ForgetfulDb>(std::move(db)); },
       .lie = ""});
  const std::string text = HistoryText(small);
  EXPECT_NE(text.find("delete_range"), std::string::npos);
  EXPECT_LE(small.size(), 4u) << text;
  EXPECT_EQ(RunHistory(small, 0), "") << text;
}

class LyingDiskTest : public testing::TestWithParam<const char*> {};

TEST_P(LyingDiskTest, IsFoundAndMadeSmall) {
  const Operations small = FindAndShrink({.decorate = nullptr, .lie = GetParam()});
  const std::string text = HistoryText(small);
  EXPECT_NE(text.find("power_loss"), std::string::npos);
  EXPECT_LE(small.size(), 40u) << text;
  EXPECT_EQ(RunHistory(small, 0), "") << text;
}

INSTANTIATE_TEST_SUITE_P(Lies, LyingDiskTest,
                         testing::Values("sync the directory", ".sst", "sync more of 0"));

}  // namespace
}  // namespace lsm
