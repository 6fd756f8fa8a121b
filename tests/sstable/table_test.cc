// Tables against a model: what was added is what gets, seeks and both directions answer.

#include "lsm/sstable/table.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/base/hash.h"
#include "lsm/base/write_batch.h"
#include "lsm/cache/block_cache.h"
#include "tests/sstable/table_testing.h"

namespace lsm {
namespace {

constexpr uint64_t kNumber = 42;

// How a table is written and read.
struct Mode {
  Compression compression;
  uint64_t block_size;
  bool map;
  uint64_t cache_size;  // kNoCache: none is given
};
constexpr uint64_t kNoCache = UINT64_MAX;

std::vector<Mode> Modes() {
  const Compression none{Compression::Kind::kNone, 0};
  const Compression zstd{Compression::Kind::kZstd, 1};
  return {
      {none, 4096, true, kNoCache}, {none, 64, true, 1 * kMiB},    {none, 300, false, 1 * kMiB},
      {none, 64, false, kNoCache},  {zstd, 4096, true, 1 * kMiB},  {zstd, 512, true, 0},
      {zstd, 64, true, kNoCache},   {zstd, 4096, false, 4 * kKiB}, {zstd, 1024, false, kNoCache}};
}

class TableTest : public testing::TestWithParam<size_t> {
 protected:
  TableTest() : mode_(Modes()[GetParam()]) {
    options_.file_number = kNumber;
    options_.compression = mode_.compression;
    options_.block_size = mode_.block_size;
    if (mode_.cache_size != kNoCache) cache_ = std::make_unique<BlockCache>(mode_.cache_size);
  }
  ~TableTest() override { EpochDrain(); }

  RefPtr<Table> Make(const std::vector<Row>& rows, const std::vector<Tombstone>& tombstones = {}) {
    // Each table of a test has the number anew.
    if (cache_ != nullptr) cache_->EraseTable(kNumber);
    bytes_ = BuildTable(options_, rows, tombstones, &properties_);
    auto table = OpenTable(bytes_, {.cache = cache_.get(), .map = mode_.map}, kNumber);
    EXPECT_TRUE(table.ok()) << table.status().ToString();
    return table.Take();
  }

  const Mode mode_;
  TableBuilderOptions options_;
  std::unique_ptr<BlockCache> cache_;
  std::string bytes_;
  TableProperties properties_;
};

void ExpectGet(const Table& table, const std::vector<Row>& rows, std::string_view key,
               SequenceNumber snapshot) {
  const Row* expected = NewestVisible(rows, key, snapshot);
  EpochGuard guard;
  Table::Lookup lookup;
  const Status status = table.Get(key, HashKey(key), snapshot, &lookup);
  ASSERT_TRUE(status.ok()) << status.ToString();
  if (expected == nullptr) {
    ASSERT_EQ(lookup.state, Table::Lookup::State::kAbsent) << testing::PrintToString(key);
    return;
  }
  ASSERT_TRUE(table.MayContain(HashKey(key)));
  ASSERT_EQ(lookup.sequence, expected->sequence);
  if (expected->kind == EntryKind::kDelete) {
    ASSERT_EQ(lookup.state, Table::Lookup::State::kDeleted);
    return;
  }
  ASSERT_EQ(lookup.state, Table::Lookup::State::kFound) << testing::PrintToString(key);
  ASSERT_EQ(lookup.value, expected->value);
  ASSERT_NE(lookup.owner, nullptr);
}

std::vector<std::string> Probes(const std::vector<Row>& rows) {
  std::vector<std::string> probes = {"", "u", "user", "v", std::string(300, '\xff')};
  for (const Row& row : rows) {
    if (!probes.empty() && probes.back() == row.key) continue;
    probes.push_back(row.key + '\0');
    if (!row.key.empty()) probes.push_back(row.key.substr(0, row.key.size() - 1));
    probes.push_back(row.key);
  }
  return probes;
}

TEST_P(TableTest, GetsAndSeeksAnswerAsTheModelDoes) {
  const uint64_t seed = 1000 + GetParam();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (const size_t count : {1, 2, 30, 400, 2000}) {
    const std::vector<Row> rows = RandomRows(&random, count);
    const RefPtr<Table> table = Make(rows);
    const auto iterator =
        table->NewIterator(random() % 2 == 0 ? Table::ScanKind::kShort : Table::ScanKind::kLong);
    EXPECT_FALSE(iterator->valid());
    for (const std::string& probe : Probes(rows)) {
      for (const SequenceNumber snapshot : {SequenceNumber{0}, random() % 1000, kMaxSequence}) {
        ASSERT_NO_FATAL_FAILURE(ExpectGet(*table, rows, probe, snapshot));
      }
      const auto lower = std::lower_bound(rows.begin(), rows.end(), probe,
                                          [](const Row& a, const auto& b) { return a.key < b; });
      iterator->Seek(probe);
      ASSERT_EQ(iterator->valid(), lower != rows.end()) << testing::PrintToString(probe);
      if (iterator->valid()) {
        ASSERT_EQ(CopyOf(iterator->entry()), *lower);
      }
      const auto upper = std::upper_bound(rows.begin(), rows.end(), probe,
                                          [](const auto& a, const Row& b) { return a < b.key; });
      iterator->SeekForPrev(probe);
      ASSERT_EQ(iterator->valid(), upper != rows.begin()) << testing::PrintToString(probe);
      if (iterator->valid()) {
        ASSERT_EQ(CopyOf(iterator->entry()), *(upper - 1));
      }
      ASSERT_TRUE(iterator->status().ok());
    }
  }
}

TEST_P(TableTest, BothDirectionsShowAllRows) {
  std::mt19937_64 random(7);
  const std::vector<Row> rows = RandomRows(&random, 3000);
  const RefPtr<Table> table = Make(rows);
  for (const auto kind : {Table::ScanKind::kShort, Table::ScanKind::kLong}) {
    const auto iterator = table->NewIterator(kind);
    iterator->SeekFirst();
    EXPECT_EQ(RestOf(iterator.get(), true), rows);
    iterator->SeekLast();
    auto backward = RestOf(iterator.get(), false);
    std::reverse(backward.begin(), backward.end());
    EXPECT_EQ(backward, rows);
    EXPECT_TRUE(iterator->status().ok());
  }
}

TEST_P(TableTest, RandomWalk) {
  const uint64_t seed = 31;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const std::vector<Row> rows = RandomRows(&random, 700);
  const RefPtr<Table> table = Make(rows);
  const auto iterator = table->NewIterator(Table::ScanKind::kShort);
  size_t at = 0;
  iterator->SeekFirst();
  for (int step = 0; step < 30'000; ++step) {
    if (!iterator->valid() || random() % 50 == 0) {
      at = random() % rows.size();
      while (at > 0 && rows[at - 1].key == rows[at].key) --at;
      iterator->Seek(rows[at].key);
    } else if (random() % 2 == 0) {
      iterator->Next();
      ++at;
    } else {
      iterator->Prev();
      --at;
    }
    ASSERT_EQ(iterator->valid(), at < rows.size());
    if (iterator->valid()) {
      ASSERT_EQ(CopyOf(iterator->entry()), rows[at]);
    }
  }
}

TEST_P(TableTest, ManyVersionsOfAKeyAcrossBlocks) {
  std::vector<Row> rows = {{"a", 5, EntryKind::kPut, "a5"}};
  for (SequenceNumber sequence = 3000; sequence > 1000; --sequence) {
    const bool deleted = sequence % 5 == 0;
    rows.push_back({"hot", sequence, deleted ? EntryKind::kDelete : EntryKind::kPut,
                    deleted ? "" : "value " + std::to_string(sequence)});
  }
  rows.push_back({std::string("hot\0next", 8), 9, EntryKind::kPut, "neighbour"});
  const RefPtr<Table> table = Make(rows);
  for (SequenceNumber snapshot = 990; snapshot < 3010; snapshot += 3) {
    ASSERT_NO_FATAL_FAILURE(ExpectGet(*table, rows, "hot", snapshot));
  }
  const auto iterator = table->NewIterator(Table::ScanKind::kShort);
  iterator->Seek("hot");
  ASSERT_TRUE(iterator->valid());
  EXPECT_EQ(iterator->entry().sequence, 3000);
  iterator->SeekForPrev("hot");
  ASSERT_TRUE(iterator->valid());
  EXPECT_EQ(iterator->entry().sequence, 1001);
  iterator->Seek("hota");
  EXPECT_FALSE(iterator->valid());
}

TEST_P(TableTest, LargeKeysAndValues) {
  std::vector<Row> rows;
  for (int i = 0; i < 12; ++i) {
    rows.push_back({std::string(kMaxKeySize - 1, 'k') + static_cast<char>('a' + i), 0,
                    EntryKind::kPut, std::string(1 << (2 * i % 22), static_cast<char>(i))});
  }
  const RefPtr<Table> table = Make(rows);
  for (const std::string& probe : Probes(rows)) ExpectGet(*table, rows, probe, kMaxSequence);
  const auto iterator = table->NewIterator(Table::ScanKind::kLong);
  iterator->SeekFirst();
  EXPECT_EQ(RestOf(iterator.get(), true), rows);
}

TEST_P(TableTest, PropertiesCountWhatWasAdded) {
  std::mt19937_64 random(5);
  const std::vector<Row> rows = RandomRows(&random, 500);
  const RefPtr<Table> table = Make(rows, {{"a", "b", 2000}, {"", std::string(InfiniteKey()), 7}});
  for (const TableProperties& properties : {properties_, table->properties()}) {
    EXPECT_EQ(properties.entry_count, rows.size());
    EXPECT_EQ(properties.delete_count, std::count_if(rows.begin(), rows.end(), [](const Row& row) {
                return row.kind == EntryKind::kDelete;
              }));
    EXPECT_EQ(properties.range_tombstone_count, 2);
    EXPECT_EQ(properties.min_sequence, 0);
    EXPECT_EQ(properties.max_sequence, 2000);
    EXPECT_EQ(properties.smallest_key, rows.front().key);
    EXPECT_EQ(properties.largest_key, rows.back().key);
    EXPECT_EQ(properties.data_size, table->footer().data_end());
    EXPECT_EQ(properties.filter_bits_per_key, 10);
  }
  EXPECT_EQ(table->file_number(), kNumber);
  EXPECT_EQ(table->file_size(), bytes_.size());
  uint64_t row_count = 0;
  uint64_t block_count = 0;
  uint64_t position = 0;
  const Status visited = table->VisitBlocks([&](const Table::BlockInfo& block) {
    EXPECT_EQ(block.range.offset, position);
    position = block.range.end();
    row_count += block.row_count;
    ++block_count;
    if (block.compression == BlockCompression::kRaw && block.content_size >= kMinRawAlignedSize) {
      EXPECT_EQ(block.range.offset % kRawBlockAlignment, 0);
    }
    return Status::Ok();
  });
  EXPECT_TRUE(visited.ok());
  EXPECT_EQ(row_count, rows.size());
  EXPECT_EQ(block_count, table->properties().data_block_count);
  EXPECT_EQ(position, table->properties().data_size);
}

TEST_P(TableTest, TombstonesAreKept) {
  const std::string infinite(InfiniteKey());
  const std::vector<Tombstone> tombstones = {{"b", "d", 10}, {"c", infinite, 20}, {"a", "d", 5}};
  const RefPtr<Table> table = Make({}, tombstones);
  ASSERT_EQ(table->raw_tombstones().size(), 3);
  EXPECT_EQ(table->raw_tombstones()[1].end, InfiniteKey());
  EXPECT_EQ(table->tombstones().CoveringSequence("b", 100), 10);
  EXPECT_EQ(table->tombstones().CoveringSequence("b", 9), 5);
  EXPECT_EQ(table->tombstones().CoveringSequence("zzz", 100), 20);
  EXPECT_EQ(table->tombstones().CoveringSequence("", 100), 0);
  ExpectGet(*table, {}, "b", kMaxSequence);
  const auto iterator = table->NewIterator(Table::ScanKind::kShort);
  iterator->SeekFirst();
  EXPECT_FALSE(iterator->valid());
  iterator->SeekLast();
  EXPECT_FALSE(iterator->valid());
  iterator->Seek("b");
  EXPECT_FALSE(iterator->valid());
  iterator->SeekForPrev("b");
  EXPECT_FALSE(iterator->valid());
  EXPECT_TRUE(iterator->status().ok());
}

TEST_P(TableTest, PinnedEntriesOutliveTheIteratorAndTheTable) {
  std::mt19937_64 random(11);
  const std::vector<Row> rows = RandomRows(&random, 500);
  RefPtr<Table> table = Make(rows);
  PinList pins;
  std::vector<Entry> seen;
  {
    const auto iterator = table->NewIterator(Table::ScanKind::kShort);
    iterator->SetPinList(&pins);
    for (iterator->SeekFirst(); iterator->valid(); iterator->Next()) {
      seen.push_back(iterator->entry());
      if (seen.size() == rows.size() / 2) break;
    }
    iterator->Seek(rows.back().key);
    iterator->SetPinList(nullptr);
  }
  table = nullptr;
  if (cache_ != nullptr) cache_->EraseTable(kNumber);
  EpochDrain();
  for (size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(CopyOf(seen[i]), rows[i]);
  pins.clear();
}

TEST_P(TableTest, ValuesOutliveTheGuardThroughTheirOwner) {
  std::mt19937_64 random(12);
  const std::vector<Row> rows = RandomRows(&random, 300);
  RefPtr<Table> table = Make(rows);
  std::vector<std::pair<std::string_view, const Row*>> values;
  PinList owners;
  for (const Row& row : rows) {
    EpochGuard guard;
    Table::Lookup lookup;
    ASSERT_TRUE(table->Get(row.key, HashKey(row.key), kMaxSequence, &lookup).ok());
    if (lookup.state != Table::Lookup::State::kFound || !lookup.owner->TryRef()) continue;
    owners.push_back(RefPtr<const RefCounted>::Adopt(lookup.owner));
    values.emplace_back(lookup.value, NewestVisible(rows, row.key, kMaxSequence));
  }
  table = nullptr;
  if (cache_ != nullptr) cache_->EraseTable(kNumber);
  EpochDrain();
  for (const auto& [value, row] : values) ASSERT_EQ(value, row->value);
  owners.clear();
}

INSTANTIATE_TEST_SUITE_P(Modes, TableTest, testing::Range<size_t>(0, Modes().size()));

std::vector<Row> CompressibleRows(int count) {
  std::vector<Row> rows;
  for (int i = 0; i < count; ++i) {
    rows.push_back({"key" + std::to_string(100'000 + i), 0, EntryKind::kPut,
                    std::string(100, static_cast<char>('a' + i % 7))});
  }
  return rows;
}

TEST(TableCacheTest, ShortScansFillTheCacheALittleLongOnesNever) {
  const std::vector<Row> rows = CompressibleRows(4000);
  const std::string bytes = BuildTable({.file_number = kNumber}, rows);
  BlockCache cache(64 * kMiB);
  auto table = OpenTable(bytes, {.cache = &cache}, kNumber).Take();
  auto iterator = table->NewIterator(Table::ScanKind::kLong);
  iterator->SeekFirst();
  EXPECT_EQ(RestOf(iterator.get(), true), rows);
  EXPECT_EQ(cache.usage(), 0);
  iterator = table->NewIterator(Table::ScanKind::kShort);
  iterator->SeekFirst();
  EXPECT_EQ(RestOf(iterator.get(), true), rows);
  const uint64_t after_scan = cache.usage();
  EXPECT_GT(after_scan, 0);
  EXPECT_LT(after_scan, 10 * 4096 * 2);
  iterator->SeekFirst();
  EXPECT_EQ(cache.usage(), after_scan);
  iterator->Seek(rows[2000].key);
  EXPECT_GT(cache.usage(), after_scan);
  const uint64_t hits = cache.hits();
  EpochGuard guard;
  Table::Lookup lookup;
  ASSERT_TRUE(table->Get(rows[2000].key, HashKey(rows[2000].key), 0, &lookup).ok());
  EXPECT_EQ(lookup.value, rows[2000].value);
  EXPECT_GT(cache.hits(), hits);
}

TEST(TableCacheTest, RawBlocksUnderAMappingNeedNoCache) {
  const std::vector<Row> rows = CompressibleRows(1000);
  const std::string bytes =
      BuildTable({.file_number = kNumber, .compression = {Compression::Kind::kNone, 0}}, rows);
  BlockCache cache(64 * kMiB);
  auto table = OpenTable(bytes, {.cache = &cache}, kNumber).Take();
  for (const Row& row : rows) ExpectGet(*table, rows, row.key, 0);
  EXPECT_EQ(cache.usage(), 0);
  EXPECT_EQ(cache.misses(), 0);
  EXPECT_LT(table->memory_used(), 10 * kKiB);
}

TEST(TableBuilderTest, AFailureStays) {
  class FailingFile : public WritableFile {
   public:
    Status Append(std::string_view) override { return Status::FromErrno(ENOSPC, "write", "f.sst"); }
    Status Sync() override { return Status::Ok(); }
    Status Close() override { return Status::Ok(); }
  };
  TableBuilder builder({.compression = {Compression::Kind::kNone, 0}},
                       std::make_unique<FailingFile>());
  Status status;
  uint64_t i = 0;
  while (status.ok() && ++i < 10'000) {
    status = builder.Add(
        {"key" + std::to_string(1'000'000 + i), 0, EntryKind::kPut, std::string(1000, 'v')});
  }
  EXPECT_TRUE(status.Is(Code::kNoSpace));
  EXPECT_LT(i, 4000) << "pieces of two mebibytes";
  EXPECT_TRUE(builder.Add({"z", 0, EntryKind::kPut, ""}).Is(Code::kNoSpace));
  EXPECT_TRUE(builder.Finish().Is(Code::kNoSpace));
}

TEST(TableBuilderTest, EstimatedSizeIsClose) {
  std::string bytes;
  TableBuilder builder({.compression = {Compression::Kind::kNone, 0}}, NewStringWriter(&bytes));
  for (const Row& row : CompressibleRows(10'000)) ASSERT_TRUE(builder.Add(row.entry()).ok());
  const uint64_t estimate = builder.estimated_size();
  ASSERT_TRUE(builder.Finish().ok());
  EXPECT_NEAR(static_cast<double>(estimate), static_cast<double>(bytes.size()),
              static_cast<double>(bytes.size()) * 0.01);
}

// Blocks wait for the dictionary that is made of them, whatever comes between them.
TEST(TableDictionaryTest, EnoughSmallBlocksHaveOne) {
  std::mt19937_64 random(1);
  const std::vector<Row> rows = RandomRows(&random, 3000);
  for (const bool map : {true, false}) {
    const std::string bytes = BuildTable({.file_number = kNumber, .block_size = 512}, rows);
    const RefPtr<Table> table = OpenTable(bytes, {.map = map}, kNumber).Take();
    ASSERT_GT(table->footer().dictionary.size, 0);
    EXPECT_EQ(table->footer().version(), 2);
    uint64_t with_dictionary = 0;
    ASSERT_TRUE(table
                    ->VisitBlocks([&](const Table::BlockInfo& block) {
                      EXPECT_NE(block.compression, BlockCompression::kZstd);
                      with_dictionary += block.compression == BlockCompression::kZstdDictionary;
                      return Status::Ok();
                    })
                    .ok());
    EXPECT_GT(with_dictionary, 64);
    EXPECT_TRUE(table->Verify(nullptr, nullptr).ok());
    const auto iterator = table->NewIterator(Table::ScanKind::kShort);
    iterator->SeekFirst();
    EXPECT_EQ(RestOf(iterator.get(), true), rows);
    for (const std::string& probe : Probes(rows)) ExpectGet(*table, rows, probe, kMaxSequence);
  }
}

TEST(TableDictionaryTest, FewOrLargeOrRawBlocksHaveNone) {
  for (const TableBuilderOptions& options :
       {TableBuilderOptions{.file_number = kNumber, .block_size = 64 * kKiB},
        TableBuilderOptions{.file_number = kNumber, .block_size = 32 * kKiB},
        TableBuilderOptions{.file_number = kNumber,
        .block_size = 512,
        .compression = {Compression::Kind::kNone, 0}}}) {
    const auto rows = CompressibleRows(30'000);
    const RefPtr<Table> table = OpenTable(BuildTable(options, rows), {}, kNumber).Take();
    EXPECT_GT(table->properties().data_block_count, 20);
    EXPECT_EQ(table->footer().dictionary.size, 0);
    EXPECT_EQ(table->footer().version(), 1);
  }
  // One block less than it takes; and rows too large for the sample among the first blocks.
  std::vector<Row> rows;
  for (int i = 0; i < 64; ++i) {
    rows.push_back({"key" + std::to_string(100 + i), 1, EntryKind::kPut, std::string(600, 'v')});
  }
  for (const uint64_t size : {uint64_t{1}, 2 * kMiB, kMaxCompressedContentSize}) {
    std::vector<Row> fewer(rows.begin(), rows.end() - 1);
    fewer[20].value = std::string(size, 'w');
    const std::string bytes = BuildTable({.file_number = kNumber, .block_size = 512}, fewer);
    const RefPtr<Table> table = OpenTable(bytes, {}, kNumber).Take();
    EXPECT_EQ(table->footer().version(), 1);
    const auto iterator = table->NewIterator(Table::ScanKind::kLong);
    iterator->SeekFirst();
    EXPECT_EQ(RestOf(iterator.get(), true), fewer);
    EXPECT_TRUE(table->Verify(nullptr, nullptr).ok());
  }
  const std::string bytes = BuildTable({.file_number = kNumber, .block_size = 512}, rows);
  EXPECT_EQ(OpenTable(bytes, {}, kNumber).Take()->footer().version(), 2);
}

TEST(TableOpenTest, WrongNumberAndAnyNumber) {
  const std::string bytes = BuildTable({.file_number = kNumber}, CompressibleRows(10));
  const auto wrong = OpenTable(bytes, {}, kNumber + 1);
  EXPECT_TRUE(wrong.status().Is(Code::kCorruption));
  EXPECT_NE(wrong.status().message().find("table 42"), std::string_view::npos);
  EXPECT_TRUE(OpenTable(bytes, {}, Table::kAnyNumber).ok());
}

}  // namespace
}  // namespace lsm
