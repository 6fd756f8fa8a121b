// What the tests of tables share: files in memory, a model of a table's rows, and tables built from
// it.

#ifndef LSM_TESTS_SSTABLE_TABLE_TESTING_H_
#define LSM_TESTS_SSTABLE_TABLE_TESTING_H_

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/base/entry.h"
#include "lsm/env/env.h"
#include "lsm/iterator/iterator.h"
#include "lsm/sstable/table.h"
#include "lsm/sstable/table_builder.h"

namespace lsm {

struct Row {
  std::string key;
  SequenceNumber sequence = 0;
  EntryKind kind = EntryKind::kPut;
  std::string value;

  Entry entry() const { return {key, sequence, kind, value}; }
  friend bool operator==(const Row&, const Row&) = default;
};

Row CopyOf(const Entry& entry);
void PrintTo(const Row& row, std::ostream* out);

// Appends to `target`, which outlives it.
std::unique_ptr<WritableFile> NewStringWriter(std::string* target);
// Of a copy of `bytes`, in memory of exactly that size. `copy` learns where, for tests that change
// what is mapped; null: nobody asks.
std::unique_ptr<ReadableFile> NewStringFile(std::string_view bytes, char** copy = nullptr);

struct Tombstone {
  std::string begin;
  std::string end;
  SequenceNumber sequence;
};

// The bytes of a table of `rows`, which are in order.
std::string BuildTable(const TableBuilderOptions& options, const std::vector<Row>& rows,
                       const std::vector<Tombstone>& tombstones = {},
                       TableProperties* properties = nullptr);
// As Table::Open; number 0 in options means kAnyNumber.
Result<RefPtr<Table>> OpenTable(std::string_view bytes, const TableReadOptions& options = {},
                                uint64_t number = Table::kAnyNumber);

// Every shape of row: keys that are prefixes of each other, many versions, deletions, values that
// compress and values that do not. In order.
std::vector<Row> RandomRows(std::mt19937_64* random, size_t count);

// What Table::Get must answer: the newest version of `key` that the snapshot sees; null if none.
const Row* NewestVisible(const std::vector<Row>& rows, std::string_view key,
                         SequenceNumber snapshot);

// Recomputes every sum of a table whose footer and index can be followed, as an attacker would.
void FixSums(std::string* table);

// The rows an iterator shows from where it stands, until it stands on none.
std::vector<Row> RestOf(EntryIterator* iterator, bool forward);

}  // namespace lsm

#endif  // LSM_TESTS_SSTABLE_TABLE_TESTING_H_
