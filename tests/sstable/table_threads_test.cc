// One table, many readers: gets, short and long scans at once, over a cache that is too small for them.

#include <atomic>
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

void ReadForAWhile(const Table& table, const std::vector<Row>& rows, uint64_t seed,
                   std::atomic<int>* wrong) {
  std::mt19937_64 random(seed);
  for (int step = 0; step < 1500; ++step) {
    const Row& row = rows[random() % rows.size()];
    {
      EpochGuard guard;
      Table::Lookup lookup;
      const Status status = table.Get(row.key, HashKey(row.key), row.sequence, &lookup);
      const bool right = status.ok() && lookup.state == Table::Lookup::State::kFound &&
                         lookup.value == row.value;
      if (!right) wrong->fetch_add(1);
    }
    if (step % 16 != 0) continue;
    PinList pins;
    const auto iterator = table.NewIterator(random() % 2 == 0 ? Table::ScanKind::kShort
                                                              : Table::ScanKind::kLong);
    iterator->SetPinList(&pins);
    iterator->Seek(row.key);
    for (const Row* expected = &row; iterator->valid() && expected < &row + 40 &&
                                     expected < rows.data() + rows.size();
         iterator->Next(), ++expected) {
      if (iterator->entry().value != expected->value) wrong->fetch_add(1);
    }
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
      const std::string bytes = BuildTable(
          {.file_number = 42, .block_size = 512, .compression = {kind, 1}}, rows);
      BlockCache cache(64 * kKiB);
      const auto table = OpenTable(bytes, {.cache = &cache, .map = map}, 42).Take();
      std::atomic<int> wrong{0};
      {
        const auto executor = Env::Posix()->NewExecutor("reader", kThreads).Take();
        for (uint64_t seed = 0; seed < kThreads; ++seed) {
          executor->Schedule([&, seed] { ReadForAWhile(*table, rows, seed, &wrong); });
        }
      }
      EXPECT_EQ(wrong.load(), 0);
    }
  }
  EpochDrain();
}

}  // namespace
}  // namespace lsm
