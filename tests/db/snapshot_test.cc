#include "lsm/db/snapshot.h"

#include "lsm/env/mem_env.h"
#include "tests/db/db_testing.h"

namespace lsm {
namespace {

TEST(SnapshotListTest, CountsHoldersAndListsAscending) {
  const auto list = std::make_shared<SnapshotList>();
  const auto take = [&](SequenceNumber sequence) {
    return std::make_unique<Snapshot>(list, list->Acquire([&] { return sequence; }));
  };
  auto nine = take(9);
  auto five = take(5);
  auto five_again = take(5);
  EXPECT_EQ(list->List(), (std::vector<SequenceNumber>{5, 9}));
  five.reset();
  EXPECT_EQ(list->List(), (std::vector<SequenceNumber>{5, 9}));
  five_again.reset();
  EXPECT_EQ(list->List(), (std::vector<SequenceNumber>{9}));
  nine.reset();
  EXPECT_TRUE(list->List().empty());
}

// A snapshot sees its moment through every overwrite, deletion, flush and compaction, and what it
// alone needed goes when it does.
TEST(SnapshotTest, SeesItsMomentForEver) {
  const auto env = NewMemEnv();
  const auto db = MustOpen(env.get(), TinyOptions());
  Model model;
  std::vector<std::pair<std::unique_ptr<Snapshot>, Model>> held;
  for (int round = 0; round < 6; ++round) {
    WriteBatch batch;
    for (int i = 0; i < 100; ++i) {
      const std::string key = "key" + std::to_string(i);
      ASSERT_TRUE((i % 6 == round ? batch.Delete(key)
                                  : batch.Put(key, std::to_string(round) + std::string(30, 'v')))
                      .ok());
    }
    ASSERT_TRUE(batch.DeleteRange("key2", round == 3 ? "key6" : "key2").ok());
    ASSERT_TRUE(db->Write(batch, false).ok());
    ApplyToModel(batch, &model);
    held.push_back({db->NewSnapshot().Take(), model});
    const std::string_view end = round % 2 == 1 ? InfiniteKey() : "";
    ASSERT_TRUE(db->CompactRange({"", end}, nullptr).ok());
  }
  ASSERT_TRUE(db->CompactRange({"", InfiniteKey()}, nullptr).ok());
  const auto check = [&] {
    for (const auto& [snapshot, rows] : held) EXPECT_EQ(Contents(db.get(), snapshot.get()), rows);
  };
  check();
  const auto keys = [&] { return std::stoull(*db->GetProperty("estimate-keys")); };
  const uint64_t with_all = keys();
  held.erase(held.begin() + 1, held.begin() + 4);
  ASSERT_TRUE(db->CompactRange({"", InfiniteKey()}, nullptr).ok());
  check();
  EXPECT_LT(keys(), with_all);
  held.clear();
  ASSERT_TRUE(db->CompactRange({"", InfiniteKey()}, nullptr).ok());
  EXPECT_EQ(keys(), model.size());
  EXPECT_EQ(Contents(db.get()), model);
  EXPECT_TRUE(db->Close().ok());
}

TEST(SnapshotTest, OfAnotherDatabaseIsRefused) {
  const auto env = NewMemEnv();
  const auto other_env = NewMemEnv();
  const auto db = MustOpen(env.get(), TinyOptions());
  const auto other = MustOpen(other_env.get(), TinyOptions());
  const auto snapshot = other->NewSnapshot().Take();
  EpochGuard guard;
  Db::Value value;
  EXPECT_TRUE(db->Get(snapshot.get(), "k", &value).Is(Code::kInvalidArgument));
  EXPECT_TRUE(db->NewScan(snapshot.get(), {"", "z"}).status().Is(Code::kInvalidArgument));
}

TEST(SnapshotTest, MayBeLetGoAfterTheDatabase) {
  const auto env = NewMemEnv();
  auto db = MustOpen(env.get(), TinyOptions());
  auto snapshot = db->NewSnapshot().Take();
  EXPECT_TRUE(db->Close().ok());
  EXPECT_TRUE(db->NewSnapshot().status().Is(Code::kClosed));
  db.reset();
  snapshot.reset();
}

}  // namespace
}  // namespace lsm
