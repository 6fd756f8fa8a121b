#include "lsm/version/run_iterator.h"

#include <algorithm>
#include <random>

#include "lsm/base/write_batch.h"
#include "tests/iterator/model_walk.h"
#include "tests/version/table_files_testing.h"

namespace lsm {
namespace {

std::string KeyOf(uint64_t number) {
  return std::string("key") + static_cast<char>('a' + number / 26) +
         static_cast<char>('a' + number % 26);
}

class RunIteratorTest : public TableFilesTest {
 protected:
  // A run of several tables, some of which are clipped, and what can be seen of it.
  RefPtr<const lsm::Run> MakeRun(std::mt19937_64* random, std::vector<MemRow>* visible) {
    const auto dice = [&](uint64_t n) { return (*random)() % n; };
    std::vector<Slice> slices;
    uint64_t key = dice(5);
    for (uint64_t t = 1 + dice(6); t > 0; --t) {
      std::vector<MemRow> rows;
      for (uint64_t i = 1 + dice(30); i > 0; --i, ++key) {
        for (SequenceNumber sequence = 1 + dice(3); sequence > 0; --sequence) {
          rows.push_back({KeyOf(key), sequence, EntryKind::kPut, std::to_string(key)});
        }
      }
      const TableMeta meta = MakeTable(++last_table_, rows);
      KeyRange range = meta.range;
      // Cut anywhere, also between keys, and so that nothing is left.
      if (dice(3) == 0) range.begin = rows[dice(rows.size())].key + (dice(2) == 0 ? "" : "!");
      if (dice(3) == 0) range.end = rows[dice(rows.size())].key + (dice(2) == 0 ? "" : "!");
      if (range.begin >= range.end) range = meta.range;
      for (const MemRow& row : rows) {
        if (range.Contains(row.key)) visible->push_back(row);
      }
      slices.push_back(
          {RefPtr<const TableFile>(MakeRef<TableFile>(cache_, meta)), range, meta.file_size});
      key += dice(4);
    }
    return RefPtr<const lsm::Run>(MakeRef<lsm::Run>(1, std::move(slices)));
  }

  uint64_t last_table_ = 0;
};

TEST_F(RunIteratorTest, AllMovesAgreeWithTheModel) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::vector<MemRow> all;
    const auto run = MakeRun(&random, &all);
    std::string begin;
    std::string end(InfiniteKey());
    if (random() % 2 == 0) begin = KeyOf(random() % 60);
    if (random() % 2 == 0) end = KeyOf(random() % 120);
    if (begin >= end) end = begin + "z";
    std::vector<MemRow> model;
    for (const MemRow& row : all) {
      if (begin <= row.key && row.key < end) model.push_back(row);
    }
    const auto kind = seed % 2 == 0 ? Table::ScanKind::kLong : Table::ScanKind::kShort;
    const auto iterator = NewRunIterator(run, begin, end, kind);
    WalkAtRandom(iterator.get(), model, &random, [&] {
      const std::string key = random() % 10 == 0 ? "" : KeyOf(random() % 140);
      return random() % 3 == 0 ? key + "!" : key;
    });
  }
}

TEST_F(RunIteratorTest, ATableThatCannotBeOpenedFailsThereAndNowhereElse) {
  std::vector<Slice> slices;
  for (uint64_t number = 1; number <= 3; ++number) {
    TableMeta meta = MakeTable(number, {{KeyOf(number), 1, EntryKind::kPut, "v"}});
    if (number == 2) meta.file_size += 1;
    slices.push_back({RefPtr<const TableFile>(MakeRef<TableFile>(cache_, meta)), meta.range, 10});
  }
  const RefPtr<const lsm::Run> run(MakeRef<lsm::Run>(1, std::move(slices)));
  const auto iterator = NewRunIterator(run, "", InfiniteKey(), Table::ScanKind::kLong);
  iterator->SeekFirst();
  ASSERT_TRUE(iterator->valid());
  iterator->Next();
  EXPECT_FALSE(iterator->valid());
  EXPECT_TRUE(iterator->status().Is(Code::kCorruption)) << iterator->status().ToString();
  iterator->SeekLast();
  ASSERT_TRUE(iterator->valid());
  EXPECT_TRUE(iterator->status().ok());
  EXPECT_EQ(iterator->entry().key, KeyOf(3));
  iterator->Prev();
  EXPECT_FALSE(iterator->valid());
  EXPECT_TRUE(iterator->status().Is(Code::kCorruption));
  for (const std::string& key : {KeyOf(2), KeyOf(1) + "x"}) {
    iterator->Seek(key);
    EXPECT_TRUE(iterator->status().Is(Code::kCorruption)) << key;
  }
  iterator->Seek(KeyOf(3));
  EXPECT_TRUE(iterator->valid());
  // Who does not come near it never notices.
  const std::string end = KeyOf(2);
  const auto near = NewRunIterator(run, "", end, Table::ScanKind::kLong);
  near->SeekFirst();
  ASSERT_TRUE(near->valid());
  near->Next();
  EXPECT_FALSE(near->valid());
  EXPECT_TRUE(near->status().ok()) << near->status().ToString();
}

TEST_F(RunIteratorTest, PinnedEntriesStayReadable) {
  std::mt19937_64 random(3);
  std::vector<MemRow> model;
  const auto run = MakeRun(&random, &model);
  PinList pins;  // outlives the iterator, which hands its last blocks to it
  const auto iterator = NewRunIterator(run, "", InfiniteKey(), Table::ScanKind::kLong);
  iterator->SetPinList(&pins);
  std::vector<Entry> seen;
  for (iterator->SeekFirst(); iterator->valid(); iterator->Next())
    seen.push_back(iterator->entry());
  ASSERT_EQ(seen.size(), model.size());
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(RowOf(seen[i]), model[i]);
}

}  // namespace
}  // namespace lsm
