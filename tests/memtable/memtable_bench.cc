// What a memtable of about 64 MiB costs an operation: the radix tree against a skip list with
// inline keys and a B-tree over keys in an arena. Each time is that of one entry; a get copies the
// value out, and iterating hashes the key and copies key and value, as a flush does.
//
// All run in memory that has been touched before, as recycled arenas are.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "benchmark/benchmark.h"
#include "lsm/base/hash.h"
#include "lsm/env/memory.h"
#include "lsm/memtable/memtable.h"
#include "tests/memtable/skip_list.h"

namespace lsm {
namespace {

constexpr size_t kEntries = 450'000;
constexpr uint64_t kArenaSize = 96 * kMiB;
constexpr size_t kValueSize = 100;

enum KeyKind { kBinary, kDecimal, kSparseDecimal };

// Stored in place, so that fetching a key from a list costs no cache miss of its own.
struct Key {
  char bytes[16];
  operator std::string_view() const { return {bytes, sizeof(bytes)}; }  // NOLINT
};

// `present` keys that are inserted, in random order, and as many of the same kind that are not.
struct Keys {
  std::vector<Key> present;
  std::vector<Key> absent;
  std::vector<Key> lookups;  // present, in another order
};

Key MakeKey(KeyKind kind, uint64_t number, std::mt19937_64& random) {
  if (kind == kSparseDecimal) number = random() % 10'000'000'000'000'000u;
  char digits[32];
  std::snprintf(digits, sizeof(digits), "%016llu", static_cast<unsigned long long>(number));
  const uint64_t words[] = {random(), random()};
  Key key;
  std::memcpy(key.bytes, kind == kBinary ? reinterpret_cast<const char*>(words) : digits,
              sizeof(key.bytes));
  return key;
}

const Keys& KeysOf(KeyKind kind) {
  static Keys all[3];
  Keys& keys = all[kind];
  if (keys.present.empty()) {
    std::mt19937_64 random(7);
    std::vector<Key> made;
    for (uint64_t i = 0; i < 2 * kEntries; ++i) made.push_back(MakeKey(kind, i, random));
    std::shuffle(made.begin(), made.end(), random);
    keys.present.assign(made.begin(), made.begin() + kEntries);
    keys.absent.assign(made.begin() + kEntries, made.end());
    keys.lookups = keys.present;
    std::shuffle(keys.lookups.begin(), keys.lookups.end(), random);
  }
  return keys;
}

// Each structure: Insert, Get (copies the value, false where it is absent), Walk (over all entries,
// in order). Begins empty in memory that is not fresh.

// Stands for the block that a flush fills.
class Sink {
 public:
  void Add(std::string_view key, std::string_view value) {
    if (at_ + key.size() + value.size() > sizeof(block_)) at_ = 0;
    key.copy(block_ + at_, key.size());
    value.copy(block_ + at_ + key.size(), value.size());
    at_ += key.size() + value.size();
    hash_ ^= HashKey(key);
  }
  uint64_t hash() const { return hash_; }

 private:
  char block_[8192];
  size_t at_ = 0;
  uint64_t hash_ = 0;
};

class RadixTreeTable {
 public:
  RadixTreeTable() {
    static ArenaPool* const pool = new ArenaPool(kArenaSize, 1);
    table_ = MemTable::Create(pool, kArenaSize).Take();
  }
  ~RadixTreeTable() {
    table_ = nullptr;
    EpochDrain();
  }
  void Insert(std::string_view key, std::string_view value) {
    if (!table_->HasRoomFor(key.size() + value.size() + 8, 1)) std::abort();
    table_->Apply({EntryKind::kPut, key, value}, ++sequence_);
  }
  bool Get(std::string_view key, char* value) const {
    const MemTable::Lookup lookup = table_->Get(key, sequence_);
    if (lookup.state != MemTable::Lookup::State::kFound) return false;
    std::memcpy(value, lookup.value.data(), lookup.value.size());
    return true;
  }
  uint64_t Walk() const {
    Sink sink;
    const auto iterator = table_->NewIterator();
    for (iterator->SeekFirst(); iterator->valid(); iterator->Next()) {
      sink.Add(iterator->entry().key, iterator->entry().value);
    }
    return sink.hash();
  }
  uint64_t memory_used() const { return table_->memory_used(); }

 private:
  RefPtr<MemTable> table_;
  SequenceNumber sequence_ = 0;
};

char* SharedMemory() {
  static MemoryRegion* const region = new MemoryRegion(MemoryRegion::Map(2 * kArenaSize).Take());
  return region->data();
}

class SkipListTable {
 public:
  SkipListTable() : list_(SharedMemory()) {}
  void Insert(std::string_view key, std::string_view value) { list_.Insert(key, value); }
  bool Get(std::string_view key, char* value) {
    SkipList::Node* node = list_.Find(key);
    if (node == nullptr) return false;
    std::memcpy(value, node->value().data(), node->value_size);
    return true;
  }
  uint64_t Walk() {
    Sink sink;
    for (SkipList::Node* node = list_.first(); node != nullptr; node = node->Next(0)) {
      sink.Add(node->key(), node->value());
    }
    return sink.hash();
  }

 private:
  SkipList list_;
};

class BtreeTable {
 public:
  void Insert(std::string_view key, std::string_view value) {
    char* bytes = next_;
    next_ += key.size() + value.size();
    key.copy(bytes, key.size());
    value.copy(bytes + key.size(), value.size());
    map_.emplace(std::string_view(bytes, key.size()),
                 std::string_view(bytes + key.size(), value.size()));
  }
  bool Get(std::string_view key, char* value) const {
    const auto found = map_.find(key);
    if (found == map_.end()) return false;
    std::memcpy(value, found->second.data(), found->second.size());
    return true;
  }
  uint64_t Walk() const {
    Sink sink;
    for (const auto& [key, value] : map_) sink.Add(key, value);
    return sink.hash();
  }

 private:
  char* next_ = SharedMemory();
  absl::btree_map<std::string_view, std::string_view> map_;
};

template <typename Table>
std::unique_ptr<Table> Filled(const Keys& keys) {
  static const std::string value(kValueSize, 'v');
  auto table = std::make_unique<Table>();
  for (const Key& key : keys.present) table->Insert(key, value);
  return table;
}

void ReportPerEntry(benchmark::State& state) {
  state.counters["entry"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kEntries,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template <typename Table>
void BM_Insert(benchmark::State& state) {
  const Keys& keys = KeysOf(static_cast<KeyKind>(state.range(0)));
  Filled<Table>(keys);
  for (auto unused : state) {
    auto table = Filled<Table>(keys);
    state.PauseTiming();
    if constexpr (requires { table->memory_used(); }) {
      state.counters["bytes"] = static_cast<double>(table->memory_used()) / kEntries;
    }
    table.reset();
    state.ResumeTiming();
  }
  ReportPerEntry(state);
}

template <typename Table>
void RunGets(benchmark::State& state, const Keys& keys, const std::vector<Key>& wanted) {
  const auto table = Filled<Table>(keys);
  char value[kValueSize];
  for (auto unused : state) {
    for (const Key& key : wanted) {
      benchmark::DoNotOptimize(table->Get(key, value));
      benchmark::DoNotOptimize(value);
    }
  }
  ReportPerEntry(state);
}

template <typename Table>
void BM_GetHit(benchmark::State& state) {
  const Keys& keys = KeysOf(static_cast<KeyKind>(state.range(0)));
  RunGets<Table>(state, keys, keys.lookups);
}

template <typename Table>
void BM_GetMiss(benchmark::State& state) {
  const Keys& keys = KeysOf(static_cast<KeyKind>(state.range(0)));
  RunGets<Table>(state, keys, keys.absent);
}

template <typename Table>
void BM_Iterate(benchmark::State& state) {
  const auto table = Filled<Table>(KeysOf(static_cast<KeyKind>(state.range(0))));
  for (auto unused : state) benchmark::DoNotOptimize(table->Walk());
  ReportPerEntry(state);
}

#define LSM_BENCHMARKS(Table)                                               \
  BENCHMARK_TEMPLATE(BM_Insert, Table)->DenseRange(0, 2)->ArgName("keys");  \
  BENCHMARK_TEMPLATE(BM_GetHit, Table)->DenseRange(0, 2)->ArgName("keys");  \
  BENCHMARK_TEMPLATE(BM_GetMiss, Table)->DenseRange(0, 2)->ArgName("keys"); \
  BENCHMARK_TEMPLATE(BM_Iterate, Table)->DenseRange(0, 2)->ArgName("keys")

LSM_BENCHMARKS(RadixTreeTable);
LSM_BENCHMARKS(SkipListTable);
LSM_BENCHMARKS(BtreeTable);

}  // namespace
}  // namespace lsm
