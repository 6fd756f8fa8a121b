// What the log costs: appends of a batch of one put (20 byte keys, 100 byte values) over a fresh
// and a recycled segment, and what recovery reads.
//
// Appends cover whole segments, so that first touches of the pages count; making the segment does
// not. The directory is $LSM_BENCH_DIR or /tmp.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "lsm/base/write_batch.h"
#include "lsm/env/env.h"
#include "lsm/env/mem_env.h"
#include "lsm/wal/log_reader.h"
#include "lsm/wal/log_writer.h"

namespace lsm {
namespace {

constexpr uint64_t kSegmentSize = 64 * kMiB;
constexpr char kName[] = "log_bench.log";

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
    std::abort();
  }
  return result.Take();
}

void Must(const Status& status) {
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    std::abort();
  }
}

// A directory of its own, empty before and after.
class Place {
 public:
  explicit Place(bool memory) {
    if (memory) mem_env_ = NewMemEnv();
    env_ = memory ? mem_env_.get() : Env::Posix();
    const char* parent = std::getenv("LSM_BENCH_DIR");
    path_ = memory ? "bench" : absl::StrCat(parent != nullptr ? parent : "/tmp", "/lsm_log_bench");
    directory_ = Must(env_->OpenDirectory(path_, Env::OpenMode::kCreateIfMissing, nullptr));
    (void)directory_->Remove(kName);
  }
  ~Place() {
    (void)directory_->Remove(kName);
    directory_.reset();
    (void)env_->RemoveDirectory(path_);
  }
  Directory& directory() { return *directory_; }

 private:
  std::unique_ptr<Env> mem_env_;
  Env* env_;
  std::string path_;
  std::unique_ptr<Directory> directory_;
};

// Appends until the segment is full.
uint64_t Fill(LogWriter* writer) {
  const std::string key(20, 'k');
  const std::string value(100, 'v');
  uint64_t count = 0;
  for (;;) {
    const SingleOpBatch batch({EntryKind::kPut, key, value});
    uint64_t size = 0;
    for (const std::string_view part : batch.parts()) size += part.size();
    if (!writer->HasRoomFor(size)) return count;
    Must(writer->Append(batch.parts(), ++count));
  }
}

std::unique_ptr<LogWriter> NewWriter(std::unique_ptr<LogFile> file, uint64_t number) {
  const LogPosition base = number * kSegmentSize;
  return Must(LogWriter::Create(std::move(file), number, base, base));
}

enum Kind { kFresh, kRecycled, kMemory };

void BM_Append(benchmark::State& state) {
  const auto kind = static_cast<Kind>(state.range(0));
  Place place(kind == kMemory);
  uint64_t number = 1;
  std::unique_ptr<LogFile> file = Must(place.directory().CreateLog(kName, kSegmentSize));
  std::unique_ptr<LogWriter> writer = NewWriter(std::move(file), number);
  if (kind != kFresh) {
    Fill(writer.get());
    Must(writer->Sync());
  }
  uint64_t count = 0;
  for (auto _ : state) {
    state.PauseTiming();
    writer.reset();
    if (kind == kFresh) {
      Must(place.directory().Remove(kName));
      file = Must(place.directory().CreateLog(kName, kSegmentSize));
    } else {
      file = Must(place.directory().ReuseLog(kName, kName, kSegmentSize));
    }
    writer = NewWriter(std::move(file), ++number);
    state.ResumeTiming();
    count += Fill(writer.get());
  }
  state.counters["append"] = benchmark::Counter(
      static_cast<double>(count), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_Append)->ArgName("fresh0_recycled1_memory2")->DenseRange(0, 2)->UseRealTime();

void BM_Replay(benchmark::State& state) {
  Place place(false);
  NewWriter(Must(place.directory().CreateLog(kName, kSegmentSize)), 1).reset();
  {
    const auto writer = NewWriter(Must(place.directory().ReuseLog(kName, kName, kSegmentSize)), 2);
    if (state.range(0) != 0) Fill(writer.get());
    Must(writer->Sync());
  }
  for (auto _ : state) {
    std::vector<LogReader::Segment> segments;
    segments.push_back({2, Must(place.directory().OpenForReading(kName))});
    LogReader reader(std::move(segments));
    LogRecord record;
    uint64_t bytes = 0;
    while (reader.Next(&record).ok()) bytes += record.batch.size();
    benchmark::DoNotOptimize(bytes);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kSegmentSize));
}
// A full segment, and an empty one that is only searched for what stands behind the end.
BENCHMARK(BM_Replay)->ArgName("full")->Arg(1)->Arg(0)->UseRealTime()->Unit(benchmark::kMillisecond);

// One record and a sync after it, as a synced put has it.
void BM_AppendAndSync(benchmark::State& state) {
  Place place(false);
  NewWriter(Must(place.directory().CreateLog(kName, kSegmentSize)), 1).reset();
  auto writer = NewWriter(Must(place.directory().ReuseLog(kName, kName, kSegmentSize)), 2);
  const std::string batch(124, 'b');
  const std::string_view parts[] = {batch};
  for (auto _ : state) {
    if (!writer->HasRoomFor(batch.size())) state.SkipWithError("the segment is full");
    Must(writer->Append(parts, 1));
    Must(writer->Sync());
  }
}
BENCHMARK(BM_AppendAndSync)->UseRealTime()->Iterations(2000);

}  // namespace
}  // namespace lsm
