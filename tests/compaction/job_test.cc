#include "lsm/compaction/job.h"

#include <cerrno>
#include <map>
#include <random>

#include "gtest/gtest.h"
#include "lsm/base/write_batch.h"
#include "lsm/env/mem_env.h"
#include "lsm/sstable/table.h"
#include "lsm/version/file_names.h"
#include "tests/env/directory_files.h"
#include "tests/env/faulty_env.h"
#include "tests/iterator/vector_iterator.h"

namespace lsm {
namespace {

class JobTest : public testing::Test {
 protected:
  JobTest() : base_(NewMemEnv()), env_(base_.get()) {
    auto opened = env_.OpenDirectory("db", Env::OpenMode::kCreateIfMissing, nullptr);
    EXPECT_TRUE(opened.ok());
    directory_ = opened.Take();
    options_.directory = directory_.get();
    options_.new_file_number = [this] { return next_number_++; };
    options_.block_size = 64;
    options_.table_size = 500;
    options_.compression.kind = Compression::Kind::kNone;
  }

  Result<std::vector<TableMeta>> Run(std::vector<MemRow> rows,
                                     const std::vector<RangeTombstone>& tombstones = {},
                                     KeyRange range = {"", std::string(InfiniteKey())},
                                     size_t fail_at = VectorIterator::kNowhere) {
    return RunJob(options_, {.entries = std::make_unique<VectorIterator>(std::move(rows), fail_at),
                             .tombstones = FragmentedRangeTombstones(tombstones),
                             .range = std::move(range)});
  }

  RefPtr<Table> Open(const TableMeta& meta) {
    auto file = directory_->OpenForReading(TableFileName(meta.number));
    EXPECT_TRUE(file.ok());
    EXPECT_EQ((*file)->size(), meta.file_size);
    auto table = Table::Open(file.Take(), meta.number, {.cache = nullptr, .map = false});
    EXPECT_TRUE(table.ok()) << table.status().ToString();
    return table.Take();
  }

  size_t FileCount() { return ReadDirectory(base_.get(), "db").size(); }

  // Versions of many keys, some with more versions than a table has room for.
  static std::vector<MemRow> ManyRows() {
    std::vector<MemRow> rows;
    for (int i = 100; i < 250; ++i) {
      const int versions = i % 50 == 7 ? 60 : 1 + i % 3;
      for (int v = versions; v > 0; --v) {
        rows.push_back({"key" + std::to_string(i), static_cast<SequenceNumber>(v * 10),
                        EntryKind::kPut, std::string(20, 'v')});
      }
    }
    return rows;
  }
  static std::vector<SequenceNumber> AllSequences() {
    std::vector<SequenceNumber> all;
    for (SequenceNumber s = 1; s < 1000; ++s) all.push_back(s);
    return all;
  }

  const std::unique_ptr<Env> base_;
  FaultyEnv env_;
  std::unique_ptr<Directory> directory_;
  JobOptions options_;
  uint64_t next_number_ = 1;
};

TEST_F(JobTest, TablesAreDisjointCutAtKeysAndHoldEverything) {
  options_.snapshots = AllSequences();  // everything is kept
  const std::vector<MemRow> rows = ManyRows();
  const std::string end(InfiniteKey());
  const std::vector<RangeTombstone> tombstones = {
      {"a", "b", 5}, {"key120", "key199", 15}, {"key150", end, 25}, {"key249zzz", "z", 3}};
  auto tables = Run(rows, tombstones);
  ASSERT_TRUE(tables.ok()) << tables.status().ToString();
  ASSERT_GT(tables->size(), 5u);
  EXPECT_EQ(FileCount(), tables->size());
  std::vector<MemRow> found;
  std::vector<RangeTombstone> pieces;
  std::vector<RefPtr<Table>> opened;
  std::string last_end;
  for (const TableMeta& meta : *tables) {
    EXPECT_LE(last_end, meta.range.begin) << "disjoint and ascending";
    last_end = meta.range.end;
    const RefPtr<Table>& table = opened.emplace_back(Open(meta));
    uint64_t entries = 0;
    const auto iterator = table->NewIterator(Table::ScanKind::kLong);
    for (iterator->SeekFirst(); iterator->valid(); iterator->Next()) {
      EXPECT_TRUE(meta.range.Contains(iterator->entry().key));
      EXPECT_LE(iterator->entry().sequence, meta.max_sequence);
      EXPECT_GE(iterator->entry().sequence, meta.min_sequence);
      found.push_back(RowOf(iterator->entry()));
      ++entries;
    }
    EXPECT_EQ(entries, meta.entry_count);
    EXPECT_EQ(table->raw_tombstones().size(), meta.range_tombstone_count);
    for (const RangeTombstone& piece : table->raw_tombstones()) {
      EXPECT_LE(meta.range.begin, piece.begin);
      EXPECT_LE(piece.end, meta.range.end);
      pieces.push_back(piece);
    }
  }
  EXPECT_EQ(found, rows);
  // Cut into pieces, they cover what they covered, for every reader.
  const FragmentedRangeTombstones before(tombstones);
  const FragmentedRangeTombstones after(pieces);
  for (const std::string probe : {"", "a", "az", "b", "key11", "key120", "key149", "key150",
                                  "key198", "key199", "key249", "key249zzz", "y", "z", "zz"}) {
    for (const SequenceNumber reader : {2, 4, 5, 14, 15, 24, 25, 100}) {
      EXPECT_EQ(after.CoveringSequence(probe, reader), before.CoveringSequence(probe, reader))
          << probe << " at " << reader;
    }
  }
  for (const MemRow& row : rows) {
    for (const SequenceNumber reader : {14, 15, 25}) {
      ASSERT_EQ(after.CoveringSequence(row.key, reader), before.CoveringSequence(row.key, reader));
    }
  }
}

TEST_F(JobTest, KeepsToItsRange) {
  options_.snapshots = AllSequences();
  auto tables = Run(ManyRows(), {{"key130", "key140", 7}}, {"key130", "key160"});
  ASSERT_TRUE(tables.ok());
  EXPECT_EQ(tables->front().range.begin, "key130");
  EXPECT_GT(tables->back().range.end, "key159");
  EXPECT_LE(tables->back().range.end, "key160");
}

TEST_F(JobTest, NothingLeftMakesNoTable) {
  options_.bottom = true;
  auto tables =
      Run({{"a", 3, EntryKind::kDelete, ""}, {"b", 2, EntryKind::kPut, "gone"}}, {{"b", "c", 9}});
  ASSERT_TRUE(tables.ok());
  EXPECT_TRUE(tables->empty());
  EXPECT_EQ(FileCount(), 0u);
  EXPECT_TRUE(Run({})->empty());
}

TEST_F(JobTest, TombstonesAloneMakeATable) {
  auto tables = Run({}, {{"b", "d", 9}, {"f", std::string_view(InfiniteKey()), 4}});
  ASSERT_TRUE(tables.ok()) << tables.status().ToString();
  ASSERT_EQ(tables->size(), 1u);
  EXPECT_EQ(tables->front().range.begin, "b");
  EXPECT_EQ(tables->front().range.end, InfiniteKey());
  EXPECT_EQ(tables->front().entry_count, 0u);
  EXPECT_EQ(tables->front().range_tombstone_count, 2u);
  EXPECT_EQ(tables->front().max_sequence, 9u);
}

TEST_F(JobTest, CancellingLeavesNothing) {
  options_.snapshots = AllSequences();
  std::vector<MemRow> rows;
  for (int i = 10'000; i < 15'000; ++i) {
    rows.push_back({std::to_string(i), 5, EntryKind::kPut, "v"});
  }
  int asked = 0;
  uint64_t entries = 0;
  options_.on_progress = [&](uint64_t, uint64_t more) { entries += more; };
  options_.cancelled = [&] { return ++asked == 3; };
  EXPECT_TRUE(Run(rows).status().Is(Code::kAborted));
  EXPECT_EQ(asked, 3);
  EXPECT_LT(entries, rows.size());
  EXPECT_GT(entries, 0u);
  EXPECT_EQ(FileCount(), 0u);
  options_.cancelled = nullptr;
  entries = 0;
  ASSERT_TRUE(Run(rows).ok());
  EXPECT_EQ(entries, rows.size());
}

TEST_F(JobTest, InputThatFailsLeavesNothing) {
  options_.snapshots = AllSequences();
  for (const size_t fail_at : {0, 1, 100, 200}) {
    const Status status = Run(ManyRows(), {}, {"", std::string(InfiniteKey())}, fail_at).status();
    EXPECT_TRUE(status.Is(Code::kIoError)) << fail_at;
    EXPECT_EQ(FileCount(), 0u) << fail_at;
  }
}

// As from a table that somebody wrote who lied, with sums that are right.
TEST_F(JobTest, InputOutOfOrderIsCorruptionAndLeavesNothing) {
  options_.snapshots = AllSequences();
  for (const size_t at : {1, 2, 100, 260}) {
    std::vector<MemRow> rows = ManyRows();
    ASSERT_LT(at, rows.size());
    rows[at].key = "key099";  // above the beginning of the range, below all others
    const Status status = Run(rows, {}, {"key", "z"}).status();
    EXPECT_TRUE(status.Is(Code::kCorruption)) << at << ": " << status.ToString();
    EXPECT_EQ(status.file(), "db");
    EXPECT_EQ(FileCount(), 0u) << at;
  }
}

// Every call to the file system fails in turn.
TEST_F(JobTest, AnyFailedCallLeavesNothing) {
  options_.snapshots = AllSequences();
  bool failed = true;
  int k = 1;
  for (; failed; ++k) {
    SCOPED_TRACE(testing::Message() << "call " << k);
    int calls = 0;
    failed = false;
    env_.SetHook([&](FileCall call, std::string_view name) {
      if (call == FileCall::kRemove || ++calls != k) return Status::Ok();
      failed = true;
      return Status::FromErrno(ENOSPC, "injected", name);
    });
    auto tables = Run(ManyRows(), {{"key150", "key170", 12}});
    env_.SetHook(nullptr);
    EXPECT_EQ(tables.ok(), !failed);
    if (!failed) break;
    EXPECT_TRUE(tables.status().Is(Code::kNoSpace)) << tables.status().ToString();
    ASSERT_EQ(FileCount(), 0u);
  }
  EXPECT_GT(k, 20);
}

}  // namespace
}  // namespace lsm
