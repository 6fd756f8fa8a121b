// A whole table file: opened, walked both ways, searched, verified.

#include "lsm/base/hash.h"
#include "lsm/base/limits.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/sstable/table_testing.h"

namespace lsm::fuzz {
namespace {

// A hostile index may name the same block often.
constexpr int kMaxSteps = 5'000;

void Walk(const Table& table, bool forward) {
  const auto iterator =
      table.NewIterator(forward ? Table::ScanKind::kShort : Table::ScanKind::kLong);
  forward ? iterator->SeekFirst() : iterator->SeekLast();
  for (int i = 0; iterator->valid() && i < kMaxSteps; ++i) {
    if (i % 64 == 0) {
      Table::Lookup lookup;
      const std::string key(iterator->entry().key);
      (void)table.Get(key, HashKey(key), kMaxSequence, &lookup);
    }
    forward ? iterator->Next() : iterator->Prev();
  }
  FUZZ_CHECK(!iterator->valid() || iterator->status().ok());
}

}  // namespace

const uint64_t kMutationsPerInput = 3'000;

std::vector<std::string> Seeds() {
  std::mt19937_64 random(1);
  const std::vector<Row> rows = RandomRows(&random, 60);
  const std::vector<Tombstone> tombstones = {{"a", "c", 5}, {"b", "x", 7}};
  TableBuilderOptions zstd;
  zstd.file_number = 7;
  zstd.block_size = 256;
  TableBuilderOptions plain = zstd;
  plain.compression.kind = Compression::Kind::kNone;
  TableBuilderOptions dictionary = zstd;
  dictionary.block_size = 64;
  return {BuildTable(zstd, rows, tombstones), BuildTable(plain, rows),
          BuildTable(zstd, {}, tombstones), BuildTable(dictionary, RandomRows(&random, 120))};
}

void Run(std::string_view input) {
  auto opened = OpenTable(input);
  if (!opened.ok()) return;
  const RefPtr<Table> table = opened.Take();
  Walk(*table, true);
  Walk(*table, false);
  for (const RangeTombstone& tombstone : table->raw_tombstones()) {
    FUZZ_CHECK(tombstone.begin < tombstone.end);
    (void)table->tombstones().CoveringSequence(tombstone.begin, kMaxSequence);
  }
  (void)table->Verify([](const Table::DamageInfo&) {}, [](uint64_t) { return Status::Ok(); });
}

void Repair(std::string* input) { FixSums(input); }

}  // namespace lsm::fuzz
