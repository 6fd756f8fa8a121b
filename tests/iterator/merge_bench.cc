// What a step of the merge costs, by the number of sources, beside a binary heap over the same
// ones, which compares twice a level. Keys of 16 bytes; sources that take turns at random are the
// worst case, one that holds nearly all rows (an old run under a few young ones) the usual one.

#include <cstdint>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "lsm/iterator/merging_iterator.h"
#include "tests/iterator/vector_iterator.h"

namespace lsm {
namespace {

constexpr uint64_t kRows = 200'000;

std::vector<std::vector<MemRow>> MakeSources(benchmark::State& state) {
  const auto count = static_cast<uint64_t>(state.range(0));
  const bool skewed = state.range(1) != 0;
  std::mt19937_64 random(1);
  std::vector<std::vector<MemRow>> sources(count);
  for (uint64_t i = 0; i < kRows; ++i) {
    const std::string digits = std::to_string(1'000'000'000 + i * 4421);
    const uint64_t source = skewed && random() % 64 != 0 ? count - 1 : random() % count;
    sources[source].push_back({"prefix" + digits, 1, EntryKind::kPut, "value"});
  }
  return sources;
}

void BM_Merge(benchmark::State& state) {
  std::vector<std::unique_ptr<EntryIterator>> iterators;
  for (auto& rows : MakeSources(state)) {
    iterators.push_back(std::make_unique<VectorIterator>(std::move(rows)));
  }
  const auto merge = NewMergingIterator(std::move(iterators), /*shared_prefix_size=*/6);
  merge->SeekFirst();
  for (auto _ : state) {
    merge->Next();
    if (!merge->valid()) merge->SeekFirst();
    benchmark::DoNotOptimize(merge->entry().key.data());
  }
}

void BM_Heap(benchmark::State& state) {
  std::vector<std::unique_ptr<VectorIterator>> iterators;
  for (auto& rows : MakeSources(state)) {
    iterators.push_back(std::make_unique<VectorIterator>(std::move(rows)));
  }
  const auto behind = [](const VectorIterator* a, const VectorIterator* b) {
    return CompareEntries(b->entry(), a->entry()) < 0;
  };
  std::priority_queue<VectorIterator*, std::vector<VectorIterator*>, decltype(behind)> heap(behind);
  for (auto _ : state) {
    if (heap.empty()) {
      for (auto& iterator : iterators) {
        iterator->SeekFirst();
        if (iterator->valid()) heap.push(iterator.get());
      }
    }
    VectorIterator* const first = heap.top();
    heap.pop();
    first->Next();
    if (first->valid()) heap.push(first);
    benchmark::DoNotOptimize(first->entry().key.data());
  }
}

void Arguments(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"sources", "skewed"});
  for (const int sources : {2, 4, 16}) {
    for (const int skewed : {0, 1}) benchmark->Args({sources, skewed});
  }
}
BENCHMARK(BM_Merge)->Apply(Arguments);
BENCHMARK(BM_Heap)->Apply(Arguments);

}  // namespace
}  // namespace lsm
