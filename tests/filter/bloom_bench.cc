// What a probe costs when the filter is in the cache, and when every probe misses it; what a key
// costs to add.

#include <cstdint>
#include <string>

#include "benchmark/benchmark.h"
#include "lsm/base/limits.h"
#include "lsm/filter/bloom.h"

namespace lsm {
namespace {

// Odd steps of a full cycle: each number differs, and no table of hashes competes for the cache.
uint64_t NextHash(uint64_t hash) { return hash * 0x5851f42d4c957f2du + 0x14057b7ef767814fu; }

std::string MakeFilter(uint64_t bytes, double bits_per_key) {
  BloomBuilder builder(bits_per_key);
  const auto keys = static_cast<uint64_t>(static_cast<double>(8 * bytes) / bits_per_key);
  uint64_t hash = 1;
  for (uint64_t i = 0; i < keys; ++i) builder.Add(hash = NextHash(hash));
  return builder.Finish();
}

// With `chained` the next key depends on the answer, as a get depends on the one before it: the
// latency. Without, the processor overlaps probes: the work.
void Probe(benchmark::State& state, uint64_t bytes, bool chained) {
  const std::string filter_bytes = MakeFilter(bytes, static_cast<double>(state.range(0)));
  BloomFilter filter;
  if (!BloomFilter::Parse(filter_bytes, &filter)) return state.SkipWithError("no filter");
  const uint64_t chain = chained ? 1 : 0;
  uint64_t hash = 2;
  uint64_t found = 0;
  for (auto _ : state) {
    const uint64_t may_contain = filter.MayContain(hash);
    found += may_contain;
    hash = NextHash(hash + (may_contain & chain));
  }
  benchmark::DoNotOptimize(found);
}

void BM_ProbeHot(benchmark::State& state) { Probe(state, 16 * kKiB, false); }
void BM_ProbeHotChained(benchmark::State& state) { Probe(state, 16 * kKiB, true); }
void BM_ProbeColdChained(benchmark::State& state) { Probe(state, 64 * kMiB, true); }
BENCHMARK(BM_ProbeHot)->Arg(6)->Arg(10)->Arg(16)->Arg(24);
BENCHMARK(BM_ProbeHotChained)->Arg(6)->Arg(10)->Arg(16)->Arg(24);
BENCHMARK(BM_ProbeColdChained)->Arg(10);

void BM_Build(benchmark::State& state) {
  const auto keys = static_cast<uint64_t>(state.range(0));
  uint64_t hash = 1;
  for (auto _ : state) {
    BloomBuilder builder(10);
    for (uint64_t i = 0; i < keys; ++i) builder.Add(hash = NextHash(hash));
    benchmark::DoNotOptimize(builder.Finish());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Build)->Arg(10'000)->Arg(1'000'000);

}  // namespace
}  // namespace lsm
