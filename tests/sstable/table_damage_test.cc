// Damaged and hostile tables: the right answer or an error, never wrong rows, never a crash.

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/base/coding.h"
#include "lsm/base/hash.h"
#include "lsm/sstable/table.h"
#include "tests/sstable/table_testing.h"

namespace lsm {
namespace {

constexpr uint64_t kNumber = 42;

std::vector<Row> SomeRows(int count) {
  std::vector<Row> rows;
  for (int i = 0; i < count; ++i) {
    const std::string key = "key" + std::to_string(1000 + i);
    if (i % 5 == 0) rows.push_back({key, 90, EntryKind::kDelete, ""});
    rows.push_back({key, 50, EntryKind::kPut, "value of " + key + std::string(i % 40, 'x')});
  }
  return rows;
}

// kDictionary: of blocks so small that there are enough of them for one.
enum class TableKind { kRaw, kZstd, kDictionary };

// As many as it takes for a table of that kind, and at least `count`.
std::vector<Row> RowsFor(TableKind kind, int count) {
  return SomeRows(kind == TableKind::kDictionary ? count + 50 : count);
}

std::string SomeTable(TableKind kind, const std::vector<Row>& rows, uint64_t number = kNumber) {
  TableBuilderOptions options;
  options.file_number = number;
  options.block_size = kind == TableKind::kDictionary ? 64 : 400;
  if (kind == TableKind::kRaw) options.compression.kind = Compression::Kind::kNone;
  return BuildTable(options, rows, {{"key1003", "key1007", 60}});
}

// Reads the table in every way there is. Whatever an operation answers without an error must be
// right, where `rows` says what is right (null: only safety matters). Returns whether something
// failed.
bool ReadAll(const Table& table, const std::vector<Row>* rows,
             const std::vector<std::string>& keys) {
  bool failed = false;
  for (const std::string& key : keys) {
    EpochGuard guard;
    Table::Lookup lookup;
    const Status status = table.Get(key, HashKey(key), kMaxSequence, &lookup);
    if (!status.ok()) {
      EXPECT_TRUE(status.Is(Code::kCorruption)) << status.ToString();
      EXPECT_FALSE(status.file().empty());
      failed = true;
      continue;
    }
    if (rows == nullptr) continue;
    const Row* expected = NewestVisible(*rows, key, kMaxSequence);
    EXPECT_EQ(expected != nullptr, lookup.state != Table::Lookup::State::kAbsent) << key;
    if (expected != nullptr && lookup.state == Table::Lookup::State::kFound) {
      EXPECT_EQ(lookup.value, expected->value);
    }
  }
  const auto iterator = table.NewIterator(Table::ScanKind::kLong);
  for (const bool forward : {true, false}) {
    if (forward) {
      iterator->SeekFirst();
    } else {
      iterator->SeekLast();
    }
    auto seen = RestOf(iterator.get(), forward);
    if (!iterator->status().ok()) failed = true;
    if (rows == nullptr) continue;
    auto expected = *rows;
    if (!forward) std::reverse(expected.begin(), expected.end());
    EXPECT_LE(seen.size(), expected.size());
    if (iterator->status().ok()) {
      EXPECT_EQ(seen.size(), expected.size());
    }
    EXPECT_TRUE(std::equal(seen.begin(), seen.end(), expected.begin()));
  }
  for (const std::string& key : keys) {
    iterator->Seek(key);
    iterator->SeekForPrev(key);
  }
  return failed;
}

// A block that needs a dictionary, in a table that lost it while all sums stayed right.
TEST(HostileTableTest, ADictionaryThatIsGoneOrNoneIsCorruption) {
  const auto rows = RowsFor(TableKind::kDictionary, 25);
  const std::string good = SomeTable(TableKind::kDictionary, rows);
  const FileRange range = OpenTable(good, {}, kNumber).Take()->footer().dictionary;
  std::string bytes = good;
  bytes[range.offset] = 'x';  // its magic
  FixSums(&bytes);
  const Status status = OpenTable(bytes, {}, kNumber).status();
  EXPECT_TRUE(status.Is(Code::kCorruption));
  EXPECT_EQ(status.offset(), range.offset);
  // A block of a table without one.
  std::string raw = SomeTable(TableKind::kZstd, SomeRows(60));
  std::vector<Table::BlockInfo> blocks;
  ASSERT_TRUE(OpenTable(raw, {}, kNumber)
                  .Take()
                  ->VisitBlocks([&](const Table::BlockInfo& block) {
                    blocks.push_back(block);
                    return Status::Ok();
                  })
                  .ok());
  ASSERT_EQ(blocks[0].compression, BlockCompression::kZstd);
  raw[blocks[0].range.end() - kBlockTrailerSize] =
      static_cast<char>(BlockCompression::kZstdDictionary);
  FixSums(&raw);
  const Status verified = OpenTable(raw, {}, kNumber).Take()->Verify(nullptr, nullptr);
  EXPECT_TRUE(verified.Is(Code::kCorruption));
  EXPECT_NE(verified.message().find("needs a dictionary"), std::string_view::npos)
      << verified.ToString();
}

class DamageTest : public testing::TestWithParam<TableKind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, DamageTest,
                         testing::Values(TableKind::kRaw, TableKind::kZstd,
                                         TableKind::kDictionary));

TEST_P(DamageTest, AWholeTableVerifies) {
  const auto rows = RowsFor(GetParam(), 60);
  for (const bool map : {true, false}) {
    const auto table = OpenTable(SomeTable(GetParam(), rows), {.map = map}, kNumber).Take();
    uint64_t bytes = 0;
    const Status status = table->Verify(
        [](const Table::DamageInfo& damage) { ADD_FAILURE() << damage.status.ToString(); },
        [&](uint64_t more) {
          bytes += more;
          return Status::Ok();
        });
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(bytes, table->properties().data_size);
    EXPECT_GT(table->properties().data_block_count, 4);
    EXPECT_EQ(table->footer().dictionary.size != 0, GetParam() == TableKind::kDictionary);
    EXPECT_TRUE(table->Verify(nullptr, nullptr).ok());
    const auto abort = [](uint64_t) { return Status(Code::kAborted, "enough"); };
    EXPECT_TRUE(table->Verify(nullptr, abort).Is(Code::kAborted));
  }
}

TEST_P(DamageTest, EveryFlippedBitIsFound) {
  const auto rows = RowsFor(GetParam(), 25);
  const std::string good = SomeTable(GetParam(), rows);
  std::vector<std::string> keys;
  for (const Row& row : rows) keys.push_back(row.key);
  // One or two of each byte where there are many.
  const size_t step = GetParam() == TableKind::kDictionary ? 7 : 1;
  for (size_t bit = 0; bit < good.size() * 8; bit += step) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const auto table = OpenTable(bytes, {.map = bit % 7 != 0}, kNumber);
    if (!table.ok()) {
      ASSERT_TRUE(table.status().Is(Code::kCorruption)) << bit << table.status().ToString();
      continue;
    }
    const Status verified = (*table)->Verify(nullptr, nullptr);
    ASSERT_TRUE(verified.Is(Code::kCorruption)) << bit;
    ASSERT_LE(verified.offset(), bit / 8);
    ASSERT_TRUE(ReadAll(**table, &rows, keys)) << bit;
    ASSERT_FALSE(testing::Test::HasFailure()) << bit;
  }
}

TEST_P(DamageTest, EveryTruncationIsFound) {
  const std::string good = SomeTable(GetParam(), RowsFor(GetParam(), 25));
  for (size_t size = 0; size < good.size(); ++size) {
    const auto table = OpenTable(good.substr(0, size), {.map = size % 2 == 0}, kNumber);
    ASSERT_TRUE(table.status().Is(Code::kCorruption)) << size;
  }
  for (const size_t more : {1, 64, 128}) {
    EXPECT_FALSE(OpenTable(good + std::string(more, '\0'), {}, kNumber).ok());
  }
}

TEST(DamagedTableTest, BlocksInTheWrongPlaceOrFileAreFound) {
  std::vector<Row> rows;  // of one size, so that blocks have one size too
  for (int i = 0; i < 200; ++i) {
    rows.push_back({"key" + std::to_string(1000 + i), 0, EntryKind::kPut, "value"});
  }
  const std::string good = SomeTable(TableKind::kRaw, rows);
  const std::string foreign = SomeTable(TableKind::kRaw, rows, kNumber + 1);
  ASSERT_EQ(good.size(), foreign.size());
  std::vector<FileRange> ranges;
  const auto whole = OpenTable(good, {}, kNumber).Take();
  ASSERT_TRUE(whole
                  ->VisitBlocks([&](const Table::BlockInfo& block) {
                    ranges.push_back(block.range);
                    return Status::Ok();
                  })
                  .ok());
  ASSERT_GT(ranges.size(), 4);
  ASSERT_EQ(ranges[1].size, ranges[2].size);
  std::string swapped = good;
  std::swap_ranges(swapped.begin() + ranges[1].offset, swapped.begin() + ranges[1].end(),
                   swapped.begin() + ranges[2].offset);
  std::string mixed = good;
  mixed.replace(ranges[3].offset, ranges[3].size, foreign, ranges[3].offset, ranges[3].size);
  for (const std::string& bytes : {swapped, mixed}) {
    const auto table = OpenTable(bytes, {}, kNumber).Take();
    EXPECT_TRUE(table->Verify(nullptr, nullptr).Is(Code::kCorruption));
    EXPECT_TRUE(ReadAll(*table, &rows, {}));
  }
  std::string section = good;
  const FileRange index = whole->footer().index;
  section.replace(index.offset, index.size, foreign, index.offset, index.size);
  EXPECT_TRUE(OpenTable(section, {}, kNumber).status().Is(Code::kCorruption));
}

TEST(DamagedTableTest, EachDamageIsReportedWithItsKeysAndTheRestIsReadable) {
  const auto rows = SomeRows(100);
  std::string bytes = SomeTable(TableKind::kZstd, rows);
  std::vector<Table::BlockInfo> blocks;
  const auto whole = OpenTable(bytes, {}, kNumber).Take();
  ASSERT_TRUE(whole
                  ->VisitBlocks([&](const Table::BlockInfo& block) {
                    blocks.push_back(block);
                    return Status::Ok();
                  })
                  .ok());
  ASSERT_GT(blocks.size(), 8);
  for (const size_t block : {2, 6}) bytes[blocks[block].range.offset + 20] ^= 1;
  const auto table = OpenTable(bytes, {}, kNumber).Take();
  std::vector<Table::DamageInfo> damages;
  const Status status =
      table->Verify([&](const Table::DamageInfo& damage) { damages.push_back(damage); }, nullptr);
  ASSERT_EQ(damages.size(), 2);
  EXPECT_EQ(status.ToString(), damages[0].status.ToString());
  int failed = 0;
  for (size_t i = 0; i < 2; ++i) {
    const size_t block = i == 0 ? 2 : 6;
    EXPECT_EQ(damages[i].status.offset(), blocks[block].range.offset);
    EXPECT_EQ(damages[i].first_key, blocks[block - 1].separator);
    EXPECT_EQ(damages[i].last_key, blocks[block].separator);
  }
  for (const Row& row : rows) {
    EpochGuard guard;
    Table::Lookup lookup;
    const Status got = table->Get(row.key, HashKey(row.key), kMaxSequence, &lookup);
    const bool at_stake = std::any_of(damages.begin(), damages.end(), [&](const auto& damage) {
      return row.key >= damage.first_key && row.key <= damage.last_key;
    });
    if (!got.ok()) ++failed;
    EXPECT_TRUE(got.ok() || at_stake) << row.key;
  }
  EXPECT_GT(failed, 0);
  // An iterator stops at the damage, says so, and can seek past it.
  const auto iterator = table->NewIterator(Table::ScanKind::kShort);
  iterator->SeekFirst();
  RestOf(iterator.get(), true);
  EXPECT_TRUE(iterator->status().Is(Code::kCorruption));
  iterator->Seek(rows.back().key);
  EXPECT_TRUE(iterator->valid());
  EXPECT_TRUE(iterator->status().ok());
}

// Changes `from` to `to`, of one size, and makes all sums right again; what does Verify say?
std::string VerdictOn(std::string bytes, std::string_view from, std::string_view to) {
  EXPECT_EQ(from.size(), to.size());
  const size_t at = bytes.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  bytes.replace(at, to.size(), to);
  FixSums(&bytes);
  const auto table = OpenTable(bytes, {}, kNumber);
  if (!table.ok()) return "not opened: " + table.status().ToString();
  return std::string((*table)->Verify(nullptr, nullptr).message());
}

TEST(DamagedTableTest, VerifyFindsWhatSumsCannot) {
  std::vector<Row> rows;
  for (int i = 0; i < 100; ++i) {
    rows.push_back({"key" + std::to_string(1000 + i), 7, EntryKind::kPut, "value"});
  }
  const std::string good = SomeTable(TableKind::kRaw, rows);
  const auto says = [&](std::string_view from, std::string_view to, std::string_view expected) {
    const std::string verdict = VerdictOn(good, from, to);
    EXPECT_NE(verdict.find(expected), std::string::npos) << from << ": " << verdict;
  };
  says("key1005key1006", "key1006key1005", "fingerprint");
  says("key1005key1006", "key1005key1005", "out of order");
  says("key1099valuevalue", "zzz1099valuevalue", "separator");
  says("key1000key1001", "aey1000key1001", "fingerprint");
  says(
      "entry_count\x03"
      "100",
      "entry_count\x03"
      "101",
      "entry_count");
  says(
      "min_sequence\x01"
      "7",
      "min_sequence\x01"
      "6",
      "min_sequence");
  says(
      "max_sequence\x02"
      "60",
      "max_sequence\x02"
      "61",
      "max_sequence");
  says(
      "smallest_key\x07"
      "key1000",
      "smallest_key\x07"
      "key0000",
      "smallest_key");
  says(
      "largest_key\x07"
      "key1099",
      "largest_key\x07"
      "key1999",
      "largest_key");
  says("data_block_count", "data_block_counT", "not opened");
  const auto tags = [](std::initializer_list<SequenceNumber> sequences) {
    std::string bytes;
    for (const SequenceNumber sequence : sequences) {
      AppendFixed<uint64_t>(&bytes, PackTag(sequence, EntryKind::kPut));
    }
    return bytes;
  };
  says(tags({7, 7, 7, 7}), tags({7, 8, 6, 7}), "min_sequence");
  const std::string versions =
      SomeTable(TableKind::kRaw, {{"k", 9, EntryKind::kPut, ""}, {"k", 7, EntryKind::kPut, ""}});
  EXPECT_NE(VerdictOn(versions, tags({9, 7}), tags({7, 9})).find("out of order"),
            std::string::npos);
  EXPECT_NE(VerdictOn(versions, tags({9, 7}), tags({9, 9})).find("out of order"),
            std::string::npos);

  std::string filterless = good;
  const FileRange filter = OpenTable(good, {}, kNumber).Take()->footer().filter;
  std::fill_n(filterless.begin() + filter.offset, 64, '\0');
  FixSums(&filterless);
  const auto table = OpenTable(filterless, {}, kNumber).Take();
  EXPECT_NE(table->Verify(nullptr, nullptr).message().find("filter"), std::string_view::npos);
}

TEST(DamagedTableTest, VerifyFindsWhatIsWrongWithARowWhoseSumsAreRight) {
  std::vector<Row> rows;
  for (int i = 10; i < 100; ++i) {
    rows.push_back({std::to_string(i) + "-key", 7, EntryKind::kPut, "value"});
  }
  const std::string good = SomeTable(TableKind::kRaw, rows);
  EXPECT_EQ(VerdictOn(good, "10-key", "10-key"), "");

  std::string tags;
  for (int i = 0; i < 4; ++i) AppendFixed<uint64_t>(&tags, PackTag(7, EntryKind::kPut));
  std::string with_deletion = tags;
  StoreFixed<uint64_t>(with_deletion.data(), PackTag(7, EntryKind::kDelete));
  EXPECT_EQ(VerdictOn(good, tags, with_deletion),
            "a deletion has a value (row 0 of the data block)");

  // Above the block before, but not above its separator, which is "NN" before "NN-key".
  size_t second = 0;
  (void)OpenTable(good, {}, kNumber).Take()->VisitBlocks([&](const Table::BlockInfo& block) {
    second = block.row_count;
    return Status(Code::kAborted, "enough");
  });
  ASSERT_GT(second, 0);
  ASSERT_LT(second, rows.size());
  std::string below = rows[second - 1].key;
  below.back() = 'z';
  EXPECT_EQ(VerdictOn(good, rows[second].key, below),
            "a key is not above the separator of the block before (row 0 of the data block)");
}

// A mapped page may come anew from disk, other than it was when the table was opened.
TEST(DamagedTableTest, SectionsThatChangeUnderTheirMappingAreFound) {
  const auto rows = RowsFor(TableKind::kDictionary, 25);
  const std::string good = SomeTable(TableKind::kDictionary, rows);
  const TableFooter footer = OpenTable(good, {}, kNumber).Take()->footer();
  for (const auto& [name, range] : footer.Sections()) {
    ASSERT_NE(range.size, 0) << name;
    char* mapped = nullptr;
    const auto table = Table::Open(NewStringFile(good, &mapped), kNumber, {.map = true}).Take();
    mapped[range.end() - 1] ^= 1;
    const Status status = table->Verify(nullptr, nullptr);
    EXPECT_EQ(status.message(), "the checksum of a section does not match") << name;
    EXPECT_EQ(status.offset(), range.offset) << name;
  }
}

// The sums are right; only the parsers stand between these bytes and the process.
TEST_P(DamageTest, HostileTablesAreReadSafely) {
  const uint64_t seed = 4711;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto rows = RowsFor(GetParam(), 40);
  const std::string good = SomeTable(GetParam(), rows);
  const TableFooter footer = OpenTable(good, {}, kNumber).Take()->footer();
  const std::vector<std::string> keys = {"", "key1000", "key1017", "key1039", "key2", "l"};
  int opened = 0;
  int clean = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    for (uint64_t i = 0; i <= random() % 4; ++i) {
      // Half of the changes hit sections and footer, which have most of the numbers.
      const size_t from = random() % 2 == 0 ? 0 : footer.data_end();
      const size_t at = from + random() % (bytes.size() - from);
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] + (random() % 2 == 0 ? 1 : -1));
          break;
        case 2:
          bytes[at] = '\xff';
          break;
        default:
          if (at + 8 <= bytes.size())
            StoreFixed<uint64_t>(bytes.data() + at / 8 * 8, random() % 64);
      }
    }
    if (random() % 16 != 0) FixSums(&bytes);
    const auto table = OpenTable(bytes, {.map = random() % 2 == 0}, Table::kAnyNumber);
    if (!table.ok()) continue;
    ++opened;
    ReadAll(**table, nullptr, keys);
    if ((*table)->Verify(nullptr, nullptr).ok()) ++clean;
    (void)(*table)->VisitBlocks([](const Table::BlockInfo&) { return Status::Ok(); });
  }
  EXPECT_GT(opened, 500);
  EXPECT_LT(clean, opened);
}

TEST(HostileTableTest, ABlockCannotAskForMoreMemoryThanTheFormatAllows) {
  const std::vector<Row> rows = {{"key", 0, EntryKind::kPut, std::string(100'000, 'v')}};
  std::string bytes = SomeTable(TableKind::kZstd, rows);
  const FileRange block{0, OpenTable(bytes, {}, kNumber).Take()->footer().data_end()};
  ASSERT_LT(block.size, 400);
  for (const uint32_t size : {UINT32_MAX, uint32_t{kMaxCompressedContentSize + 1},
                              uint32_t{kMaxCompressedContentSize}, 100'000u, 0u}) {
    StoreFixed<uint32_t>(bytes.data() + block.end() - 12, size);
    FixSums(&bytes);
    const auto table = OpenTable(bytes, {}, kNumber).Take();
    EpochGuard guard;
    Table::Lookup lookup;
    EXPECT_TRUE(table->Get("key", HashKey("key"), 0, &lookup).Is(Code::kCorruption)) << size;
  }
}

TEST(HostileTableTest, HugeRowsStayRaw) {
  const std::vector<Row> rows = {
      {"key", 0, EntryKind::kPut, std::string(kMaxCompressedContentSize, 'v')}};
  const std::string bytes = SomeTable(TableKind::kZstd, rows);
  EXPECT_GT(bytes.size(), kMaxCompressedContentSize);
  const auto table = OpenTable(bytes, {}, kNumber).Take();
  EpochGuard guard;
  Table::Lookup lookup;
  ASSERT_TRUE(table->Get("key", HashKey("key"), 0, &lookup).ok());
  EXPECT_EQ(lookup.value, rows[0].value);
}

}  // namespace
}  // namespace lsm
