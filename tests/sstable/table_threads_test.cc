// One table, many readers: gets, short and long scans at once, over a cache that is too small for
// them.

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/base/hash.h"
#include "lsm/cache/block_cache.h"
#include "lsm/env/env.h"
#include "lsm/sstable/table.h"
#include "tests/sstable/table_testing.h"

namespace lsm {
namespace {

constexpr uint64_t kThreads = 4;

// Failures are reported from here: GoogleTest's are safe in threads.
void ReadForAWhile(const Table& table, const std::vector<Row>& rows, uint64_t seed) {
  std::mt19937_64 random(seed);
  for (int step = 0; step < 1500; ++step) {
    const Row& row = rows[random() % rows.size()];
    {
      EpochGuard guard;
      Table::Lookup lookup;
      const Status status = table.Get(row.key, HashKey(row.key), row.sequence, &lookup);
      ASSERT_TRUE(status.ok()) << status.ToString();
      ASSERT_EQ(lookup.state, Table::Lookup::State::kFound) << row.key;
      ASSERT_EQ(lookup.value, row.value) << row.key;
    }
    if (step % 16 != 0) continue;
    PinList pins;
    const auto iterator =
        table.NewIterator(random() % 2 == 0 ? Table::ScanKind::kShort : Table::ScanKind::kLong);
    iterator->SetPinList(&pins);
    iterator->Seek(row.key);
    for (const Row* expected = &row;
         iterator->valid() && expected < &row + 40 && expected < rows.data() + rows.size();
         iterator->Next(), ++expected) {
      ASSERT_EQ(CopyOf(iterator->entry()), *expected);
    }
    ASSERT_TRUE(iterator->status().ok()) << iterator->status().ToString();
  }
}

TEST(TableThreadsTest, ManyReaders) {
  std::vector<Row> rows;
  for (int i = 0; i < 3000; ++i) {
    rows.push_back({"key" + std::to_string(10'000 + i), 1, EntryKind::kPut,
                    "value " + std::to_string(i) + std::string(60, 'v')});
  }
  for (const auto kind : {Compression::Kind::kNone, Compression::Kind::kZstd}) {
    for (const bool map : {true, false}) {
      const std::string bytes =
          BuildTable({.file_number = 42, .block_size = 512, .compression = {kind, 1}}, rows);
      BlockCache cache(64 * kKiB);
      const auto table = OpenTable(bytes, {.cache = &cache, .map = map}, 42).Take();
      const auto executor = Env::Posix()->NewExecutor("reader", kThreads).Take();
      for (uint64_t seed = 0; seed < kThreads; ++seed) {
        executor->Schedule([&, seed] { ReadForAWhile(*table, rows, seed); });
      }
    }
  }
  EpochDrain();
}

}  // namespace
}  // namespace lsm
