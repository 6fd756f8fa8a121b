// What an append to a log segment costs, and what decides the size of its window: Reserve, a copy
// of 128 bytes, Commit. Fresh: blocks allocated, never written. Recycled: written once before. And
// a Sync after one such append.

#include <cstring>
#include <memory>
#include <string>

#include "benchmark/benchmark.h"
#include "lsm/base/limits.h"
#include "tests/env/env_test_util.h"

namespace lsm {
namespace {

constexpr uint64_t kSegmentSize = 64 * kMiB;
constexpr uint64_t kRecordSize = 128;

std::unique_ptr<LogFile> MakeLog(Directory* directory) {
  Result<std::unique_ptr<LogFile>> log = directory->CreateLog("log", kSegmentSize);
  if (!log.ok()) std::abort();
  return log.Take();
}

void Fill(LogFile* log) {
  char record[kRecordSize];
  std::memset(record, 'r', sizeof(record));
  for (uint64_t offset = 0; offset < kSegmentSize; offset += kRecordSize) {
    Result<char*> at = log->Reserve(offset, kRecordSize);
    if (!at.ok()) std::abort();
    std::memcpy(*at, record, kRecordSize);
    benchmark::DoNotOptimize(*at);
    if (!log->Commit(offset, kRecordSize).ok()) std::abort();
  }
}

// One iteration fills a segment; items are records.
void BM_AppendToFresh(benchmark::State& state) {
  const ScratchDirectory scratch;
  const std::unique_ptr<Directory> directory = MustOpenDirectory(scratch.path());
  for (auto _ : state) {
    state.PauseTiming();
    std::unique_ptr<LogFile> log = MakeLog(directory.get());
    state.ResumeTiming();
    Fill(log.get());
    state.PauseTiming();
    log.reset();
    if (!directory->Remove("log").ok()) std::abort();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kSegmentSize / kRecordSize));
}
BENCHMARK(BM_AppendToFresh)->Unit(benchmark::kMillisecond);

void BM_AppendToRecycled(benchmark::State& state) {
  const ScratchDirectory scratch;
  const std::unique_ptr<Directory> directory = MustOpenDirectory(scratch.path());
  std::unique_ptr<LogFile> log = MakeLog(directory.get());
  Fill(log.get());
  if (!log->Sync(0, kSegmentSize).ok()) std::abort();
  for (auto _ : state) {
    state.PauseTiming();
    Result<std::unique_ptr<LogFile>> reused = directory->ReuseLog("log", "log", kSegmentSize);
    if (!reused.ok()) std::abort();
    log = reused.Take();
    state.ResumeTiming();
    Fill(log.get());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kSegmentSize / kRecordSize));
}
BENCHMARK(BM_AppendToRecycled)->Unit(benchmark::kMillisecond);

// Argument: whether the segment was written before.
void BM_AppendAndSync(benchmark::State& state) {
  const ScratchDirectory scratch;
  const std::unique_ptr<Directory> directory = MustOpenDirectory(scratch.path());
  std::unique_ptr<LogFile> log = MakeLog(directory.get());
  if (state.range(0) != 0) {
    Fill(log.get());
    if (!log->Sync(0, kSegmentSize).ok()) std::abort();
    log = directory->ReuseLog("log", "log", kSegmentSize).Take();
  }
  uint64_t offset = 0;
  for (auto _ : state) {
    Result<char*> at = log->Reserve(offset, kRecordSize);
    if (!at.ok()) std::abort();
    std::memset(*at, 's', kRecordSize);
    if (!log->Commit(offset, kRecordSize).ok()) std::abort();
    if (!log->Sync(offset, offset + kRecordSize).ok()) std::abort();
    offset += kRecordSize;
  }
}
BENCHMARK(BM_AppendAndSync)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace lsm
