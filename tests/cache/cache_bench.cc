// What a lookup costs that finds its block, near and far from the processor's cache, and an insert
// that evicts; how often CLOCK finds a block of a skewed load.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "benchmark/benchmark.h"
#include "lsm/base/epoch.h"
#include "lsm/base/limits.h"
#include "lsm/cache/block_cache.h"

namespace lsm {
namespace {

constexpr uint64_t kBlockBytes = 448;  // 512 with the header

uint64_t Next(uint64_t state) { return state * 0x5851f42d4c957f2du + 0x14057b7ef767814fu; }
BlockCache::Key KeyOf(uint64_t i) { return {i / 1000, i % 1000 * 4096}; }

void BM_LookupHit(benchmark::State& state) {
  const auto blocks = static_cast<uint64_t>(state.range(0));
  BlockCache cache(512 * blocks * 3 / 2 + 16 * kMiB);
  for (uint64_t i = 0; i < blocks; ++i) cache.Insert(KeyOf(i), MemoryBlock::Allocate(kBlockBytes));
  uint64_t random = 1;
  for (auto _ : state) {
    const EpochGuard guard;
    const MemoryBlock* block = cache.Lookup(KeyOf((random >> 32) * blocks >> 32));
    // The next key depends on the block, as a get depends on the one before it.
    random = Next(random + block->size());
  }
}
BENCHMARK(BM_LookupHit)->Arg(16)->Arg(1000)->Arg(400'000);

void BM_LookupMiss(benchmark::State& state) {
  const auto blocks = static_cast<uint64_t>(state.range(0));
  BlockCache cache(512 * blocks * 3 / 2 + 16 * kMiB);
  for (uint64_t i = 0; i < blocks; ++i) cache.Insert(KeyOf(i), MemoryBlock::Allocate(kBlockBytes));
  uint64_t random = 1;
  for (auto _ : state) {
    const EpochGuard guard;
    const MemoryBlock* block = cache.Lookup(KeyOf(blocks + ((random >> 32) * blocks >> 32)));
    random = Next(random + (block != nullptr));
  }
}
BENCHMARK(BM_LookupMiss)->Arg(16)->Arg(400'000);

void BM_InsertAndEvict(benchmark::State& state) {
  BlockCache cache(64 * kMiB);
  uint64_t i = 0;
  for (; i < 64 * kMiB / 512; ++i) cache.Insert(KeyOf(i), MemoryBlock::Allocate(kBlockBytes));
  for (auto _ : state) cache.Insert(KeyOf(i++), MemoryBlock::Allocate(kBlockBytes));
}
BENCHMARK(BM_InsertAndEvict);

void BM_EraseTable(benchmark::State& state) {
  BlockCache cache(64 * kMiB);
  for (uint64_t i = 0; i < 60 * kMiB / 512; ++i) {
    cache.Insert(KeyOf(i), MemoryBlock::Allocate(kBlockBytes));
  }
  uint64_t absent = uint64_t{1} << 32;
  for (auto _ : state) cache.EraseTable(absent++);
}
BENCHMARK(BM_EraseTable);

// Keys by Zipf's law (exponent 0.99) over ten times what fits; with `scan`, as many keys again that
// are asked for once. The counter is the share of hits among the skewed ones.
void BM_SkewedLoad(benchmark::State& state) {
  constexpr uint64_t kFit = 4000;
  constexpr uint64_t kKeys = 10 * kFit;
  std::vector<double> cumulative(kKeys);
  double sum = 0;
  for (uint64_t i = 0; i < kKeys; ++i) {
    cumulative[i] = sum += std::pow(static_cast<double>(i + 1), -0.99);
  }
  BlockCache cache(512 * kFit);
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(0, sum);
  const auto get = [&cache](uint64_t i) {
    const EpochGuard guard;
    if (cache.Lookup(KeyOf(i)) != nullptr) return true;
    cache.Insert(KeyOf(i), MemoryBlock::Allocate(kBlockBytes));
    return false;
  };
  uint64_t hits = 0;
  uint64_t scanned = kKeys;
  for (auto _ : state) {
    const auto at = std::lower_bound(cumulative.begin(), cumulative.end(), uniform(random));
    hits += get(static_cast<uint64_t>(at - cumulative.begin()));
    if (state.range(0) != 0) get(scanned++);
  }
  state.counters["hit_rate"] = static_cast<double>(hits) / static_cast<double>(state.iterations());
}
BENCHMARK(BM_SkewedLoad)->ArgName("scan")->Arg(0)->Arg(1)->Iterations(2'000'000);

}  // namespace
}  // namespace lsm
