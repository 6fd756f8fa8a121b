#include "tools/cli/bench_workload.h"

#include <algorithm>
#include <array>

#include "tools/cli/system.h"

namespace lsm::cli {
namespace {

constexpr uint64_t kBatchRows = 1000;
constexpr uint64_t kSyncShare = 100;
constexpr size_t kRowsPerCall = 256;
constexpr size_t kMaxYcsbScan = 100;

// ---- Single operations -----------------------------------------------------------------------

void PutRow(BenchThread* t, uint64_t number, uint32_t flags) {
  const std::string_view key = t->keys.Make(number);
  const std::string_view value = t->values.Next();
  t->status = t->shared.db->Put(key, value, flags);
  t->bytes += key.size() + value.size();
}

void GetKey(BenchThread* t, std::string_view key) {
  lsm_error* error = nullptr;
  lsm_value value;
  const lsm_status status =
      lsm_get(t->shared.db->handle(), nullptr, key.data(), key.size(), &value, &error);
  ++t->looked;
  if (status == LSM_OK) {
    ++t->found;
    t->bytes += key.size() + value.size;
    lsm_value_release(&value);
  } else if (status != LSM_NOT_FOUND) {
    t->status = ToStatus(status, error);
  }
}

// Up to `limit` rows from `key` on.
void ScanFrom(BenchThread* t, lsm_iter* iter, std::string_view key, size_t limit) {
  std::array<lsm_row, kMaxYcsbScan> rows;
  size_t count = 0;
  lsm_error* error = nullptr;
  lsm_status status = lsm_iter_seek(iter, key.data(), key.size(), &error);
  if (status == LSM_OK) status = lsm_iter_next_n(iter, rows.data(), limit, &count, &error);
  if (status != LSM_OK && status != LSM_END) t->status = ToStatus(status, error);
  for (size_t i = 0; i < count; ++i) t->bytes += rows[i].key_size + rows[i].value_size;
  ++t->looked;
  t->found += count > 0 ? 1 : 0;
}

IterPtr NewIterator(BenchThread* t) {
  auto iter = t->shared.db->NewIterator(KeyBounds());
  if (!iter.ok()) t->status = iter.status();
  return iter.ok() ? iter.Take() : nullptr;
}

// ---- Fills -----------------------------------------------------------------------------------

uint64_t RandomRow(BenchThread* t) { return t->random.Below(t->shared.settings->rows); }

// The threads share the key space evenly, each ascending.
void FillSeq(BenchThread* t) {
  const uint64_t first = t->index * t->shared.settings->rows / t->shared.settings->threads;
  while (t->GoesOn()) {
    PutRow(t, first + t->done, 0);
    t->Finished();
  }
}

void FillRandom(BenchThread* t) {
  while (t->GoesOn()) {
    PutRow(t, RandomRow(t), 0);
    t->Finished();
  }
}

void FillSync(BenchThread* t) {
  while (t->GoesOn()) {
    PutRow(t, RandomRow(t), LSM_SYNC);
    t->Finished();
  }
}

void FillBatch(BenchThread* t) {
  const BatchPtr batch(lsm_batch_create());
  if (batch == nullptr) t->status = Status::OutOfMemory();
  while (t->GoesOn()) {
    lsm_batch_clear(batch.get());
    for (uint64_t i = 0; i < kBatchRows && t->status.ok(); ++i) {
      const std::string_view key = t->keys.Make(RandomRow(t));
      const std::string_view value = t->values.Next();
      lsm_error* error = nullptr;
      const lsm_status added =
          lsm_batch_put(batch.get(), key.data(), key.size(), value.data(), value.size(), &error);
      t->status = ToStatus(added, error);
      t->bytes += key.size() + value.size();
    }
    if (t->status.ok()) t->status = t->shared.db->Write(batch.get(), 0);
    t->Finished();
  }
}

// ---- Reads -----------------------------------------------------------------------------------

void ReadRandom(BenchThread* t) {
  while (t->GoesOn()) {
    GetKey(t, t->keys.Make(RandomRow(t)));
    t->Finished();
  }
}

void ReadMissing(BenchThread* t) {
  while (t->GoesOn()) {
    GetKey(t, t->keys.MakeMissing(RandomRow(t)));
    t->Finished();
  }
}

void ReadSeq(BenchThread* t) {
  const IterPtr iter = NewIterator(t);
  if (iter == nullptr) return;
  lsm_error* error = nullptr;
  lsm_status status = lsm_iter_seek_first(iter.get(), &error);
  std::array<lsm_row, kRowsPerCall> rows;
  while (status == LSM_OK && t->GoesOn()) {
    size_t count = 0;
    const size_t wanted = std::min<uint64_t>(rows.size(), t->operations - t->done);
    status = lsm_iter_next_n(iter.get(), rows.data(), wanted, &count, &error);
    for (size_t i = 0; i < count; ++i) t->bytes += rows[i].key_size + rows[i].value_size;
    if (count > 0) t->Finished(count);
  }
  if (status != LSM_END) t->status = ToStatus(status, error);
}

void ReadReverse(BenchThread* t) {
  const IterPtr iter = NewIterator(t);
  if (iter == nullptr) return;
  lsm_error* error = nullptr;
  lsm_status status = lsm_iter_seek_last(iter.get(), &error);
  while (status == LSM_OK && t->GoesOn()) {
    uint64_t count = 0;
    const uint64_t wanted = std::min<uint64_t>(kRowsPerCall, t->operations - t->done);
    while (status == LSM_OK && count < wanted) {
      size_t key_size;
      size_t value_size;
      lsm_iter_key(iter.get(), &key_size);
      lsm_iter_value(iter.get(), &value_size);
      t->bytes += key_size + value_size;
      ++count;
      status = lsm_iter_prev(iter.get(), &error);
    }
    t->Finished(count);
  }
  if (status != LSM_END) t->status = ToStatus(status, error);
}

void SeekRandom(BenchThread* t) {
  const IterPtr iter = NewIterator(t);
  while (iter != nullptr && t->GoesOn()) {
    ScanFrom(t, iter.get(), t->keys.Make(RandomRow(t)), 1);
    t->Finished();
  }
}

// ---- YCSB ------------------------------------------------------------------------------------

// Popular rows are scattered over the key space.
uint64_t ZipfianRow(BenchThread* t) {
  return Scatter(t->shared.zipfian->Rank(t->random.Unit())) % t->shared.settings->rows;
}

// Popular rows are the newest.
uint64_t LatestRow(BenchThread* t) {
  const uint64_t newest = t->shared.row_count.load(std::memory_order_relaxed) - 1;
  return newest - std::min(newest, t->shared.zipfian->Rank(t->random.Unit()));
}

void InsertRow(BenchThread* t) {
  PutRow(t, t->shared.row_count.fetch_add(1, std::memory_order_relaxed), 0);
}

void ReadOrUpdate(BenchThread* t, double read_share) {
  while (t->GoesOn()) {
    const uint64_t row = ZipfianRow(t);
    if (t->random.Unit() < read_share) {
      GetKey(t, t->keys.Make(row));
    } else {
      PutRow(t, row, 0);
    }
    t->Finished();
  }
}

void YcsbA(BenchThread* t) { ReadOrUpdate(t, 0.5); }
void YcsbB(BenchThread* t) { ReadOrUpdate(t, 0.95); }
void YcsbC(BenchThread* t) { ReadOrUpdate(t, 1); }

void YcsbD(BenchThread* t) {
  while (t->GoesOn()) {
    if (t->random.Unit() < 0.95) {
      GetKey(t, t->keys.Make(LatestRow(t)));
    } else {
      InsertRow(t);
    }
    t->Finished();
  }
}

void YcsbE(BenchThread* t) {
  while (t->GoesOn()) {
    if (t->random.Unit() < 0.95) {
      // An iterator's view is fixed, and a scan must see the inserts.
      const IterPtr iter = NewIterator(t);
      if (iter == nullptr) return;
      ScanFrom(t, iter.get(), t->keys.Make(ZipfianRow(t)), 1 + t->random.Below(kMaxYcsbScan));
    } else {
      InsertRow(t);
    }
    t->Finished();
  }
}

void YcsbF(BenchThread* t) {
  while (t->GoesOn()) {
    const uint64_t row = ZipfianRow(t);
    GetKey(t, t->keys.Make(row));
    if (t->status.ok() && t->random.Unit() < 0.5) PutRow(t, row, 0);
    t->Finished();
  }
}

constexpr auto kEmpty = Workload::Needs::kEmptyDatabase;
constexpr auto kRows = Workload::Needs::kRows;

constexpr Workload kWorkloads[] = {
    {"fillseq", "puts in the order of the keys", kEmpty, 1, false, FillSeq},
    {"fillrandom", "puts of random rows", kEmpty, 1, false, FillRandom},
    {"fillsync", "puts of random rows, each synced; a hundredth of the rows", kEmpty, kSyncShare,
     false, FillSync},
    {"fillbatch", "puts of random rows, a thousand a batch; an operation is a batch", kEmpty,
     kBatchRows, false, FillBatch},
    {"overwrite", "puts of random rows over those that are there", kRows, 1, false, FillRandom},
    {"readrandom", "gets of random rows", kRows, 1, true, ReadRandom},
    {"readmissing", "gets of keys that are not there", kRows, 1, true, ReadMissing},
    {"readseq", "a scan from the first row on", kRows, 1, true, ReadSeq},
    {"readreverse", "a scan from the last row back", kRows, 1, true, ReadReverse},
    {"seekrandom", "seeks to random rows, and the row there", kRows, 1, true, SeekRandom},
    {"readwhilewriting", "readrandom beside one more thread that overwrites", kRows, 1, true,
     ReadRandom},
    {"ycsb-a", "half gets, half updates, Zipfian", kRows, 1, true, YcsbA},
    {"ycsb-b", "95 % gets, 5 % updates, Zipfian", kRows, 1, true, YcsbB},
    {"ycsb-c", "gets, Zipfian", kRows, 1, true, YcsbC},
    {"ycsb-d", "95 % gets of late rows, 5 % inserts", kRows, 1, true, YcsbD},
    {"ycsb-e", "95 % scans of up to 100 rows, 5 % inserts", kRows, 1, true, YcsbE},
    {"ycsb-f", "gets, every second followed by an update, Zipfian", kRows, 1, true, YcsbF},
};

}  // namespace

BenchThread::BenchThread(BenchShared* shared_state, uint64_t thread_index, uint64_t operation_count)
    : shared(*shared_state),
      index(thread_index),
      operations(operation_count),
      random(Scatter(shared.settings->seed + thread_index)),
      keys(shared.settings->key_size),
      values(shared.settings->value_size, shared.settings->compression_ratio, random.Next()) {}

void BenchThread::StartClock() { last_nanos_ = NowNanos(); }

void BenchThread::Finished(uint64_t count) {
  const uint64_t now = NowNanos();
  latency.Record((now - last_nanos_) / count, count);
  last_nanos_ = now;
  done += count;
}

std::span<const Workload> Workloads() { return kWorkloads; }

const Workload* FindWorkload(std::string_view name) {
  const auto* found = std::find_if(std::begin(kWorkloads), std::end(kWorkloads),
                                   [&](const Workload& workload) { return workload.name == name; });
  return found == std::end(kWorkloads) ? nullptr : found;
}

void WriteInBackground(BenchThread* t) {
  while (t->status.ok() && !t->shared.readers_done.load(std::memory_order_relaxed)) {
    PutRow(t, RandomRow(t), 0);
    t->Finished();
  }
}

}  // namespace lsm::cli
