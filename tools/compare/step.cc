#include "tools/compare/step.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <numeric>
#include <optional>
#include <thread>
#include <vector>

#include "tools/cli/bench_rows.h"
#include "tools/cli/random.h"
#include "tools/cli/system.h"
#include "tools/cli/zipfian.h"
#include "tools/compare/process.h"

namespace lsm::compare {
namespace {

constexpr uint64_t kKeySize = 16;
constexpr uint64_t kBatchRows = 100;
constexpr uint64_t kLoadBatchRows = 1000;
constexpr uint64_t kScanRows = 10;
constexpr uint64_t kMaxYcsbScan = 100;
constexpr uint64_t kRowsPerTiming = 1000;  // of scans, whose rows take less than a clock does
constexpr uint64_t kPacedPutsPerSecond = 20'000;

// What the threads of a step share.
struct Shared {
  const StepSettings* settings;
  Engine* engine;
  const cli::Zipfian* zipfian;      // for YCSB
  std::atomic<uint64_t> row_count;  // grows by inserts
  std::atomic<bool> foreground_done{false};
  std::atomic<bool> background_done{false};
  uint64_t deadline_nanos = UINT64_MAX;
};

class StepThread {
 public:
  StepThread(Shared* shared_state, uint64_t thread_index, uint64_t operation_count)
      : shared(*shared_state),
        settings(*shared_state->settings),
        index(thread_index),
        operations(operation_count),
        session(shared.engine->NewSession()),
        random(cli::Scatter(settings.seed + thread_index)),
        keys(kKeySize),
        values(settings.value_size, 0.5, random.Next()) {}

  Shared& shared;
  const StepSettings& settings;
  const uint64_t index;
  const uint64_t operations;
  std::unique_ptr<Session> session;
  cli::Random random;
  cli::KeyMaker keys;
  cli::ValueSource values;

  uint64_t done = 0;
  uint64_t user_bytes = 0;
  Tally tally;
  cli::LatencyHistogram latency;

  void StartClock() { last_nanos_ = cli::NowNanos(); }
  bool GoesOn() const { return done < operations && last_nanos_ < shared.deadline_nanos; }

  // An operation that moved `count` rows ended now. The latency is that of the operation.
  void Finished(uint64_t count = 1) {
    const uint64_t now = cli::NowNanos();
    latency.Record(now - last_nanos_);
    last_nanos_ = now;
    done += count;
  }

  uint64_t RandomRow() { return random.Below(settings.rows); }

  void Put(uint64_t row, bool sync = false) {
    const std::string_view value = values.Next();
    session->Put(keys.Make(row), value, sync);
    user_bytes += kKeySize + value.size();
  }
  // As one atomic batch, the rows that `next_row` gives.
  template <typename NextRow>
  void PutBatch(uint64_t count, NextRow next_row) {
    batch_.resize(count);
    for (auto& [key, value] : batch_) {
      key = keys.Make(next_row());
      value = values.Next();
      user_bytes += key.size() + value.size();
    }
    session->PutBatch(batch_);
  }
  void GetRow(uint64_t row) { session->Get(keys.Make(row), &tally); }
  // In a view of its own, as a request would.
  void Scan(uint64_t row, uint64_t limit) {
    const std::unique_ptr<Cursor> cursor = session->NewCursor();
    cursor->Seek(keys.Make(row));
    cursor->ForwardInBulk(limit, &tally);
  }

 private:
  uint64_t last_nanos_ = 0;
  std::vector<Row> batch_;
};

// ---- Writes ----------------------------------------------------------------------------------

// The threads share the key space evenly, each ascending.
void FillSeq(StepThread* t) {
  const uint64_t first = t->index * t->settings.rows / t->settings.threads;
  while (t->GoesOn()) {
    t->Put(first + t->done);
    t->Finished();
  }
}

void FillRandom(StepThread* t) {
  while (t->GoesOn()) {
    t->Put(t->RandomRow());
    t->Finished();
  }
}

void FillSync(StepThread* t) {
  while (t->GoesOn()) {
    t->Put(t->RandomRow(), /*sync=*/true);
    t->Finished();
  }
}

void FillBatch(StepThread* t) {
  while (t->GoesOn()) {
    t->PutBatch(kBatchRows, [t] { return t->RandomRow(); });
    t->Finished(kBatchRows);
  }
}

void LoadStriding(StepThread* t, uint64_t stride) {
  const uint64_t rows = t->settings.rows;
  uint64_t row = 0;
  while (t->done < rows) {
    const uint64_t count = std::min(kLoadBatchRows, rows - t->done);
    t->PutBatch(count, [&] {
      row += stride;
      if (row >= rows) row -= rows;
      return row;
    });
    t->Finished(count);
  }
}

// Every row once, far from the one before: a stride of about the golden section visits all rows if
// it has no divisor in common with their number.
void Load(StepThread* t) {
  const uint64_t rows = t->settings.rows;
  auto stride = static_cast<uint64_t>(0.6180339887 * static_cast<double>(rows));
  while (std::gcd(stride, rows) != 1) ++stride;
  LoadStriding(t, stride);
}

void LoadSeq(StepThread* t) { LoadStriding(t, 1); }

// ---- Reads -----------------------------------------------------------------------------------

void ReadRandom(StepThread* t) {
  while (t->GoesOn()) {
    t->GetRow(t->RandomRow());
    t->Finished();
  }
}

void ReadMissing(StepThread* t) {
  while (t->GoesOn()) {
    t->session->Get(t->keys.MakeMissing(t->RandomRow()), &t->tally);
    t->Finished();
  }
}

void SeekTen(StepThread* t) {
  while (t->GoesOn()) {
    t->Scan(t->RandomRow(), kScanRows);
    t->Finished();
  }
}

// From one end to the other, again and again. Each latency is that of kRowsPerTiming rows.
void ScanAll(StepThread* t, void (Cursor::*start)(), uint64_t (Cursor::*walk)(uint64_t, Tally*)) {
  while (t->GoesOn()) {
    const std::unique_ptr<Cursor> cursor = t->session->NewCursor();
    ((*cursor).*start)();
    uint64_t count = kRowsPerTiming;
    while (count == kRowsPerTiming && t->GoesOn()) {
      const uint64_t wanted = std::min(kRowsPerTiming, t->operations - t->done);
      count = ((*cursor).*walk)(wanted, &t->tally);
      if (count > 0) t->Finished(count);
    }
    if (t->tally.rows == 0) Die("scan", "no rows");
  }
}

void ReadSeq(StepThread* t) { ScanAll(t, &Cursor::SeekFirst, &Cursor::Forward); }
void ReadSeqBulk(StepThread* t) { ScanAll(t, &Cursor::SeekFirst, &Cursor::ForwardInBulk); }
void ReadReverse(StepThread* t) { ScanAll(t, &Cursor::SeekLast, &Cursor::Backward); }

void ReadUntilBackgroundEnds(StepThread* t) {
  while (!t->shared.background_done.load(std::memory_order_relaxed)) {
    t->GetRow(t->RandomRow());
    t->Finished();
  }
}

// As many puts as rows, then as many gets: the memory of a process that has done both.
void FillAndRead(StepThread* t) {
  for (uint64_t i = 0; i < t->settings.rows; ++i) {
    t->Put(t->RandomRow());
    t->Finished();
  }
  for (uint64_t i = 0; i < t->settings.rows / 2; ++i) {
    t->GetRow(t->RandomRow());
    t->Finished();
  }
}

// ---- YCSB ------------------------------------------------------------------------------------

// Popular rows are scattered over the key space.
uint64_t ZipfianRow(StepThread* t) {
  return cli::Scatter(t->shared.zipfian->Rank(t->random.Unit())) % t->settings.rows;
}

// Popular rows are the newest.
uint64_t LatestRow(StepThread* t) {
  const uint64_t newest = t->shared.row_count.load(std::memory_order_relaxed) - 1;
  return newest - std::min(newest, t->shared.zipfian->Rank(t->random.Unit()));
}

void InsertRow(StepThread* t) {
  t->Put(t->shared.row_count.fetch_add(1, std::memory_order_relaxed));
}

void ReadOrUpdate(StepThread* t, double read_share) {
  while (t->GoesOn()) {
    const uint64_t row = ZipfianRow(t);
    if (t->random.Unit() < read_share) {
      t->GetRow(row);
    } else {
      t->Put(row);
    }
    t->Finished();
  }
}

void YcsbA(StepThread* t) { ReadOrUpdate(t, 0.5); }
void YcsbB(StepThread* t) { ReadOrUpdate(t, 0.95); }
void YcsbC(StepThread* t) { ReadOrUpdate(t, 1); }

void YcsbD(StepThread* t) {
  while (t->GoesOn()) {
    if (t->random.Unit() < 0.95) {
      t->GetRow(LatestRow(t));
    } else {
      InsertRow(t);
    }
    t->Finished();
  }
}

void YcsbE(StepThread* t) {
  while (t->GoesOn()) {
    if (t->random.Unit() < 0.95) {
      t->Scan(ZipfianRow(t), 1 + t->random.Below(kMaxYcsbScan));
    } else {
      InsertRow(t);
    }
    t->Finished();
  }
}

void YcsbF(StepThread* t) {
  while (t->GoesOn()) {
    const uint64_t row = ZipfianRow(t);
    t->GetRow(row);
    if (t->random.Unit() < 0.5) t->Put(row);
    t->Finished();
  }
}

// ---- Beside the measured threads -------------------------------------------------------------

void PutAtAPace(StepThread* t) {
  constexpr uint64_t kPuts = kPacedPutsPerSecond / 1000;
  auto next = std::chrono::steady_clock::now();
  while (!t->shared.foreground_done.load(std::memory_order_relaxed)) {
    for (uint64_t i = 0; i < kPuts; ++i) {
      t->Put(t->RandomRow());
      t->Finished();
    }
    next += std::chrono::milliseconds(1);
    std::this_thread::sleep_until(next);
  }
}

void MergeAll(StepThread* t) {
  t->shared.engine->Merge();
  t->shared.background_done = true;
}

// ---- Steps -----------------------------------------------------------------------------------

struct Step {
  std::string_view name;
  void (*run)(StepThread* thread);
  void (*beside)(StepThread* thread) = nullptr;  // on a thread of its own
  bool settles = false;                          // that is part of what is measured
  bool overwrites_first = false;                 // half of the rows, not measured
};

// `open` is in RunStep: it measures what comes before all others. `leave` dies with a full log.
constexpr std::string_view kOpen = "open";
constexpr std::string_view kLeave = "leave";

constexpr Step kSteps[] = {
    {"load", Load, nullptr, true},
    {"loadseq", LoadSeq, nullptr, true},
    {"fillrandom", FillRandom},
    {"fillseq", FillSeq},
    {"fillbatch", FillBatch},
    {"fillsync", FillSync},
    {kLeave, FillRandom},
    {"overwrite", FillRandom, nullptr, true},
    {"readrandom", ReadRandom},
    {"readmissing", ReadMissing},
    {"seek10", SeekTen},
    {"readseq", ReadSeq},
    {"readseqbulk", ReadSeqBulk},
    {"readreverse", ReadReverse},
    {"readwhilewriting", ReadRandom, PutAtAPace},
    {"readwhilecompacting", ReadUntilBackgroundEnds, MergeAll, false, true},
    {"fillandread", FillAndRead},
    {"ycsb-a", YcsbA},
    {"ycsb-b", YcsbB},
    {"ycsb-c", YcsbC},
    {"ycsb-d", YcsbD},
    {"ycsb-e", YcsbE},
    {"ycsb-f", YcsbF},
};

constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kSteps) + 1> names;
  names[0] = kOpen;
  for (size_t i = 0; i < std::size(kSteps); ++i) names[i + 1] = kSteps[i].name;
  return names;
}();

double SecondsSince(uint64_t start_nanos) {
  return static_cast<double>(cli::NowNanos() - start_nanos) / 1e9;
}

// Until the first answer.
StepResult MeasureOpen(const StepSettings& settings) {
  StepResult result;
  MemoryWatch memory;
  const double cpu_before = CpuSeconds();
  const uint64_t start = cli::NowNanos();
  const std::unique_ptr<Engine> engine = OpenEngine(settings.engine);
  const std::unique_ptr<Session> session = engine->NewSession();
  cli::KeyMaker keys(kKeySize);
  session->Get(keys.Make(settings.rows / 2), &result.tally);
  result.latency.Record(cli::NowNanos() - start);
  result.seconds = SecondsSince(start);
  result.cpu_seconds = CpuSeconds() - cpu_before;
  result.operations = 1;
  result.anonymous_bytes = memory.Peak();
  return result;
}

void OverwriteHalf(Shared* shared) {
  StepThread writer(shared, shared->settings->threads + 1, shared->settings->rows / 2);
  writer.StartClock();
  FillRandom(&writer);
}

void RunThreads(const Step& step, std::span<const std::unique_ptr<StepThread>> threads,
                Shared* shared, StepThread* beside) {
  const auto start = [](StepThread* t, void (*run)(StepThread*)) {
    return std::thread([t, run] {
      t->StartClock();
      run(t);
    });
  };
  std::thread side;
  if (beside != nullptr) side = start(beside, step.beside);
  std::vector<std::thread> running;
  for (const auto& thread : threads) running.push_back(start(thread.get(), step.run));
  for (std::thread& thread : running) thread.join();
  shared->foreground_done = true;
  if (side.joinable()) side.join();
  if (step.settles) shared->engine->Settle();
  if (step.settles && shared->settings->merge) shared->engine->Merge();
}

StepResult Measure(const Step& step, const StepSettings& settings) {
  const std::unique_ptr<Engine> engine = OpenEngine(settings.engine);
  std::optional<cli::Zipfian> zipfian;
  if (step.name.starts_with("ycsb")) zipfian.emplace(settings.rows);
  Shared shared{.settings = &settings,
                .engine = engine.get(),
                .zipfian = zipfian ? &*zipfian : nullptr,
                .row_count = settings.rows};
  if (step.overwrites_first) OverwriteHalf(&shared);

  std::vector<std::unique_ptr<StepThread>> threads;
  for (uint64_t i = 0; i < settings.threads; ++i) {
    const uint64_t share = settings.operations * (i + 1) / settings.threads -
                           settings.operations * i / settings.threads;
    threads.push_back(std::make_unique<StepThread>(&shared, i, share));
  }
  std::unique_ptr<StepThread> beside;
  if (step.beside != nullptr) {
    beside = std::make_unique<StepThread>(&shared, settings.threads, 0);
  }

  StepResult result;
  MemoryWatch memory;
  const double cpu_before = CpuSeconds();
  const uint64_t written_before = WrittenBytes();
  const uint64_t start = cli::NowNanos();
  if (settings.seconds > 0) {
    shared.deadline_nanos = start + static_cast<uint64_t>(settings.seconds * 1e9);
  }
  RunThreads(step, threads, &shared, beside.get());
  result.seconds = SecondsSince(start);
  result.cpu_seconds = CpuSeconds() - cpu_before;
  result.written_bytes = WrittenBytes() - written_before;
  result.anonymous_bytes = memory.Peak();
  for (const auto& thread : threads) {
    result.operations += thread->done;
    result.user_bytes += thread->user_bytes;
    result.tally.rows += thread->tally.rows;
    result.tally.bytes += thread->tally.bytes;
    result.tally.sum += thread->tally.sum;
    result.latency.Merge(thread->latency);
  }
  if (beside != nullptr) result.background_operations = beside->done;
  if (step.name == kLeave) _exit(0);  // as kill -9 would: the log is all there is
  return result;
}

}  // namespace

StepResult RunStep(const StepSettings& settings) {
  if (settings.step == kOpen) return MeasureOpen(settings);
  const auto* step = std::find_if(std::begin(kSteps), std::end(kSteps),
                                  [&](const Step& s) { return s.name == settings.step; });
  if (step == std::end(kSteps)) Die("unknown step", settings.step);
  return Measure(*step, settings);
}

std::span<const std::string_view> StepNames() { return kNames; }

}  // namespace lsm::compare
