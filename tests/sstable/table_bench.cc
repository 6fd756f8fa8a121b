// What decides about tables: finding a block and a row in it, gets, seeks, walks both ways,
// building.
//
// The data set is that of the speed aims: 16-byte keys, 100-byte half-compressible values, cut into
// tables of 64 MiB as the engine does. --rows=N before the other flags; 3 million by default.

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "lsm/base/hash.h"
#include "lsm/cache/block_cache.h"
#include "lsm/env/env.h"
#include "lsm/sstable/block.h"
#include "lsm/sstable/table.h"
#include "lsm/sstable/table_builder.h"

namespace lsm {
namespace {

uint64_t row_count = 3'000'000;

// Row i of the set; rows ascend with i. Odd numbers of the same shape are absent keys.
void KeyOf(uint64_t number, char* key) {
  // A bijection of numbers that keeps their order and spreads them over the key space.
  const uint64_t spread = __builtin_bswap64(number * (UINT64_MAX / (2 * row_count + 2)));
  std::memcpy(key, &spread, 8);
  std::memcpy(key + 8, "0123abcd", 8);
}

std::string ValueOf(uint64_t number) {
  std::string value(100, 'v');
  uint64_t state = number;
  for (size_t i = 0; i + 8 <= 50; i += 8) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    std::memcpy(value.data() + i, &state, 8);
  }
  return value;
}

struct TableSet {
  std::unique_ptr<Directory> directory;
  std::unique_ptr<BlockCache> cache;
  std::vector<RefPtr<Table>> tables;
  std::vector<std::string> largest;

  const Table& Of(std::string_view key) const {
    const auto at = std::lower_bound(largest.begin(), largest.end(), key);
    return *tables[std::min<size_t>(static_cast<size_t>(at - largest.begin()), tables.size() - 1)];
  }
};

void Require(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::abort();
}

TableSet* BuildSet(const std::string& path, Compression compression, double filter_bits,
                   uint64_t cache_size) {
  auto* set = new TableSet;
  bool created;
  auto directory = Env::Posix()->OpenDirectory(path, Env::OpenMode::kCreateIfMissing, &created);
  Require(directory.status());
  set->directory = directory.Take();
  set->cache = std::make_unique<BlockCache>(cache_size);
  std::unique_ptr<TableBuilder> builder;
  uint64_t number = 0;
  std::string name;
  char key[16];
  const auto finish = [&] {
    Require(builder->Finish());
    builder.reset();
    auto table = Table::Open(set->directory->OpenForReading(name).Take(), number,
                             {.cache = set->cache.get()});
    Require(table.status());
    set->largest.push_back((*table)->properties().largest_key);
    set->tables.push_back(table.Take());
    Require(set->directory->Remove(name));
  };
  for (uint64_t i = 0; i < row_count; ++i) {
    if (builder == nullptr) {
      name = "bench" + std::to_string(++number);
      (void)set->directory->Remove(name);
      auto file = set->directory->Create(name);
      Require(file.status());
      builder =
          std::make_unique<TableBuilder>(TableBuilderOptions{.file_number = number,
                                                             .compression = compression,
                                                             .filter_bits_per_key = filter_bits},
                                         file.Take());
    }
    KeyOf(2 * i, key);
    Require(builder->Add({{key, sizeof(key)}, 0, EntryKind::kPut, ValueOf(i)}));
    if (builder->estimated_size() >= 64 * kMiB) finish();
  }
  if (builder != nullptr) finish();
  return set;
}

constexpr Compression kNone{Compression::Kind::kNone, 0};
constexpr Compression kZstd{Compression::Kind::kZstd, 1};

const TableSet& RawSet() {
  static const TableSet* const set = BuildSet("/tmp/lsm_table_bench", kNone, 10, 0);
  return *set;
}
const TableSet& ZstdSet() {
  static const TableSet* const set = BuildSet("/tmp/lsm_table_bench", kZstd, 10, 1 * kGiB);
  return *set;
}

// A cheap random number below `limit`.
struct Random {
  uint64_t state = 88172645463325252u;
  uint64_t Below(uint64_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<uint64_t>(static_cast<unsigned __int128>(state) * limit >> 64);
  }
};

void Get(benchmark::State& state, const TableSet& set, uint64_t odd) {
  Random random;
  char key[16];
  uint64_t found = 0;
  for (auto _ : state) {
    KeyOf(2 * random.Below(row_count) + odd, key);
    const std::string_view view(key, sizeof(key));
    EpochGuard guard;
    Table::Lookup lookup;
    Require(set.Of(view).Get(view, HashKey(view), kMaxSequence, &lookup));
    if (lookup.state == Table::Lookup::State::kFound) {
      ++found;
      benchmark::DoNotOptimize(lookup.value[50]);
    }
  }
  if (odd == 0 && found != static_cast<uint64_t>(state.iterations())) std::abort();
  state.SetItemsProcessed(state.iterations());
}

void BM_GetRaw(benchmark::State& state) { Get(state, RawSet(), 0); }
void BM_GetRawAbsent(benchmark::State& state) { Get(state, RawSet(), 1); }
void BM_GetZstdCached(benchmark::State& state) { Get(state, ZstdSet(), 0); }
BENCHMARK(BM_GetRaw);
BENCHMARK(BM_GetRawAbsent);

void BM_SeekRaw(benchmark::State& state) {
  const TableSet& set = RawSet();
  std::vector<std::unique_ptr<EntryIterator>> iterators;
  for (const auto& table : set.tables) {
    iterators.push_back(table->NewIterator(Table::ScanKind::kShort));
  }
  Random random;
  char key[16];
  for (auto _ : state) {
    KeyOf(2 * random.Below(row_count), key);
    const std::string_view view(key, sizeof(key));
    const auto at = std::lower_bound(set.largest.begin(), set.largest.end(), view);
    EntryIterator& iterator = *iterators[static_cast<size_t>(at - set.largest.begin())];
    iterator.Seek(view);
    for (int64_t i = 0; i < state.range(0) && iterator.valid(); ++i) {
      benchmark::DoNotOptimize(iterator.entry().value.data());
      iterator.Next();
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SeekRaw)->Arg(1)->Arg(10);

void Walk(benchmark::State& state, const TableSet& set, bool forward) {
  uint64_t rows = 0;
  uint64_t sum = 0;
  for (auto _ : state) {
    for (const auto& table : set.tables) {
      const auto iterator = table->NewIterator(Table::ScanKind::kLong);
      if (forward) {
        for (iterator->SeekFirst(); iterator->valid(); iterator->Next()) {
          ++rows;
          sum += static_cast<uint8_t>(iterator->entry().value[0]);
        }
      } else {
        for (iterator->SeekLast(); iterator->valid(); iterator->Prev()) {
          ++rows;
          sum += static_cast<uint8_t>(iterator->entry().value[0]);
        }
      }
    }
  }
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(static_cast<int64_t>(rows));
}
void BM_NextRaw(benchmark::State& state) { Walk(state, RawSet(), true); }
void BM_PrevRaw(benchmark::State& state) { Walk(state, RawSet(), false); }
void BM_NextZstd(benchmark::State& state) { Walk(state, ZstdSet(), true); }
BENCHMARK(BM_NextRaw);
BENCHMARK(BM_PrevRaw);
BENCHMARK(BM_NextZstd);
BENCHMARK(BM_GetZstdCached);

// A block that is in the caches of the processor: the instructions alone.
void BM_BlockSearch(benchmark::State& state) {
  BlockBuilder builder;
  char key[16];
  constexpr uint32_t kRows = 34;
  for (uint64_t i = 0; i < kRows; ++i) {
    KeyOf(2 * i, key);
    const std::string_view view(key, sizeof(key));
    builder.Add({view, 0, EntryKind::kPut, ValueOf(i)}, KeyFingerprint(HashKey(view)));
  }
  std::string content;
  builder.Finish(&content);
  content.append(kBlockSlack, '\0');
  std::vector<std::pair<std::string, uint8_t>> wanted;
  Random random;
  for (int i = 0; i < 1024; ++i) {
    KeyOf(2 * random.Below(kRows), key);
    const std::string_view view(key, sizeof(key));
    wanted.emplace_back(view, KeyFingerprint(HashKey(view)));
  }
  size_t at = 0;
  for (auto _ : state) {
    const BlockReader reader(content.data());
    const auto& [view, fingerprint] = wanted[at++ % wanted.size()];
    const uint32_t row =
        state.range(0) == 0 ? reader.Find(view, fingerprint) : reader.LowerBound(view);
    benchmark::DoNotOptimize(row);
  }
}
BENCHMARK(BM_BlockSearch)->ArgName("seek")->Arg(0)->Arg(1);

// Decompression and all checks of a block that no cache has.
void BM_ReadZstdBlock(benchmark::State& state) {
  static const TableSet* const set = BuildSet("/tmp/lsm_table_bench", kZstd, 0, 0);
  Get(state, *set, 0);
}
BENCHMARK(BM_ReadZstdBlock);

void BM_Build(benchmark::State& state) {
  class Nowhere : public WritableFile {
   public:
    Status Append(std::string_view bytes) override {
      size_ += bytes.size();
      return Status::Ok();
    }
    Status Sync() override { return Status::Ok(); }
    Status Close() override { return Status::Ok(); }
  };
  constexpr uint64_t kRows = 200'000;
  std::vector<std::string> values;
  for (uint64_t i = 0; i < 1000; ++i) values.push_back(ValueOf(i));
  uint64_t file_size = 0;
  for (auto _ : state) {
    TableBuilder builder({.compression = state.range(0) == 0 ? kNone : kZstd},
                         std::make_unique<Nowhere>());
    char key[16];
    for (uint64_t i = 0; i < kRows; ++i) {
      KeyOf(2 * i, key);
      Require(builder.Add({{key, sizeof(key)}, 0, EntryKind::kPut, values[i % values.size()]}));
    }
    Require(builder.Finish());
    file_size = builder.file_size();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kRows * 116));
  state.counters["bytes_per_row"] = static_cast<double>(file_size) / kRows;
}
BENCHMARK(BM_Build)->ArgName("zstd")->Arg(0)->Arg(1);

}  // namespace
}  // namespace lsm

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--rows=", 7) == 0) {
      lsm::row_count = std::strtoull(argv[i] + 7, nullptr, 10);
      std::rotate(argv + i, argv + i + 1, argv + argc);
      --argc;
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
