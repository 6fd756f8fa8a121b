#include "tests/db/history_runner.h"

#include <array>
#include <atomic>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "lsm/env/mem_env.h"
#include "tests/db/crash_history.h"
#include "tests/db/history_model.h"
#include "tests/db/history_view.h"
#include "tests/env/directory_files.h"
#include "tests/env/sim_disk.h"

namespace lsm {
namespace {

using Kind = Operation::Kind;
using Moment = HistoryModel::Moment;

constexpr char kPath[] = "db";

const HistorySetting kSettings[] = {
    {"lazy_zstd", {}},
    {"leveled_raw", {{"compaction_style", "leveled"}, {"compression", "none"}}},
    {"tiered_no_filter", {{"compaction_style", "tiered"}, {"filter_bits_per_key", "0"}}},
    {"one_thread_no_map",
     {{"background_threads", "1"}, {"mmap_reads", "false"}, {"max_open_tables", "16"}}},
    {"tiny_blocks_no_cache",
     {{"block_size", "64"},
      {"block_cache_size", "0"},
      {"write_buffer_size", "16KiB"},
      {"table_size", "16KiB"}}},
    {"large_buffer", {{"write_buffer_size", "160KiB"}, {"table_size", "16KiB"}}},
    {"leveled_tiny_cache",
     {{"compaction_style", "leveled"}, {"block_cache_size", "4KiB"}, {"size_ratio", "2"}}},
    {"tiered_wide_raw",
     {{"compaction_style", "tiered"},
      {"size_ratio", "8"},
      {"compression", "none"},
      {"write_buffer_size", "32KiB"},
      {"filter_bits_per_key", "20"},
      {"block_size", "4KiB"},
      {"background_threads", "4"}}},
};

Options OptionsOf(const HistorySetting& setting) {
  Options options;
  const auto set = [&](const char* name, const char* value) {
    Must(SetOption(&options, name, value));
  };
  set("memory_budget", "1MiB");
  set("write_buffer_size", "4KiB");
  set("table_size", "4KiB");
  set("block_size", "256");
  set("size_ratio", "3");
  for (const auto& [name, value] : setting.options) set(name, value);
  return options;
}

Result<Model> RowsOf(Db* db) {
  Model rows;
  LSM_ASSIGN_OR_RETURN(const auto scan, db->NewScan(nullptr, {"", InfiniteKey()}));
  Status status = scan->SeekFirst();
  for (; status.ok(); status = scan->Next()) rows.emplace(scan->key(), scan->value());
  if (!status.Is(Code::kEnd)) return status;
  return rows;
}

class Runner {
 public:
  Runner(bool on_disk, size_t setting, const HistoryTweaks& tweaks)
      : setting_(setting), tweaks_(tweaks) {
    if (on_disk) {
      disk_ = NewDisk(nullptr);
      written_ = std::make_unique<History>();
    } else {
      memory_ = NewMemEnv();
    }
  }
  ~Runner() {
    if (disk_ != nullptr) disk_->SetHook(nullptr);
    Drop();
  }

  Status Start() { return Open(0, /*read_only=*/false); }

  // Crashes, too, where one was ordered for now.
  Status Do(const Operation& operation) {
    const Status status = Perform(operation);
    LetWork();
    LSM_RETURN_IF_ERROR(status);
    return pictured_.load() ? LosePower() : Status::Ok();
  }

  Status Finish() {
    const KeyRangeView all{"", InfiniteKey()};
    for (const bool compacted : {false, true}) {
      if (compacted) LSM_RETURN_IF_ERROR(db_->CompactRange(all, nullptr));
      LSM_RETURN_IF_ERROR(CheckRows(db_.get(), nullptr, model_, model_.now(), all));
      for (const Held& held : snapshots_) {
        if (held.snapshot == nullptr) continue;
        LSM_RETURN_IF_ERROR(CheckRows(db_.get(), held.snapshot.get(), model_, held.moment, all));
      }
    }
    LSM_RETURN_IF_ERROR(Close());
    return VerifyPath(env(), kPath, nullptr, nullptr);
  }

 private:
  struct Held {
    std::unique_ptr<Snapshot> snapshot;
    Moment moment = 0;
  };
  // What a loss of power leaves, and which writes may and must be in it.
  struct Picture {
    DiskImage files;
    size_t durable = 0;
    size_t started = 0;
  };

  Env* env() { return disk_ != nullptr ? disk_.get() : memory_.get(); }

  Status Perform(const Operation& operation) {
    switch (operation.kind) {
      case Kind::kWrite:
        return Write(operation);
      case Kind::kGet:
      case Kind::kScan:
      case Kind::kIterator:
        return Read(operation);
      case Kind::kSnapshot:
        return TakeSnapshot(&snapshots_[operation.slot - 1]);
      case Kind::kRelease:
        snapshots_[operation.slot - 1] = {};
        return Status::Ok();
      case Kind::kProperty:
        return db_->GetProperty(operation.key).status();
      case Kind::kFlush:
        return WroteAll(db_->Flush());
      case Kind::kCompact: {
        const Status status = db_->CompactRange({operation.key, operation.end}, nullptr);
        // Nothing is done for an empty range.
        return operation.key == operation.end ? status : WroteAll(status);
      }
      case Kind::kWaitIdle:
        return db_->WaitIdle();
      case Kind::kReopen:
        return Reopen(operation.number);
      case Kind::kReadOnly:
        return LookReadOnly();
      case Kind::kVerify:
        LSM_RETURN_IF_ERROR(Close());
        LSM_RETURN_IF_ERROR(VerifyPath(env(), kPath, nullptr, nullptr));
        return Open(0, /*read_only=*/false);
      case Kind::kKill:
        return disk_ != nullptr ? Kill() : Reopen(0);
      case Kind::kPowerLoss:
        if (disk_ == nullptr) return Reopen(0);
        OrderPowerLoss(operation.number, operation.seed);
        return Status::Ok();
      default:
        return Move(operation, iterators_[operation.slot - 1].get());
    }
  }

  // --- opening and closing ---

  Status Open(uint64_t places_behind, bool read_only) {
    const size_t setting = (setting_ + places_behind) % std::size(kSettings);
    Options options = OptionsOf(kSettings[setting]);
    options.read_only = read_only;
    HoldWork();
    auto db = Db::Open(env(), kPath, options);
    if (db.ok()) db_ = tweaks_.decorate ? tweaks_.decorate(db.Take()) : db.Take();
    LetWork();
    return db.status();
  }
  // Snapshots and iterators outlive it by a little.
  Status Close() {
    const Status closed = db_->Close();
    if (!db_->Close().Is(Code::kClosed)) return Status::Internal("closed twice");
    Drop();
    return WroteAll(closed);
  }
  void Drop() {
    for (auto& iterator : iterators_) iterator.reset();
    for (Held& held : snapshots_) held = {};
    db_.reset();
  }
  Status Reopen(uint64_t places_behind) {
    LSM_RETURN_IF_ERROR(Close());
    return Open(places_behind, /*read_only=*/false);
  }
  Status LookReadOnly() {
    LSM_RETURN_IF_ERROR(Close());
    LSM_RETURN_IF_ERROR(Open(0, /*read_only=*/true));
    LSM_RETURN_IF_ERROR(CheckRows(db_.get(), nullptr, model_, model_.now(), {"", InfiniteKey()}));
    const Status refused = db_->Write(WriteOp{EntryKind::kPut, "k1", "refused"}, false);
    if (!refused.Is(Code::kReadOnly)) return Status::Internal("a read-only database was written");
    return Reopen(0);
  }

  // --- writing ---

  // On the simulated disk, work in the background is done when an operation is over.
  void HoldWork() {
    if (disk_ != nullptr) disk_->HoldWork(true);
  }
  void LetWork() {
    if (disk_ == nullptr) return;
    disk_->HoldWork(false);
    disk_->WaitForWork();
  }
  Status Write(const Operation& operation) {
    HoldWork();
    const Status status = disk_ != nullptr ? written_->Write(db_.get(), operation.batch,
                                                             /*marked=*/false, operation.sync)
                                           : WriteToDb(db_.get(), operation.batch, operation.sync);
    LSM_RETURN_IF_ERROR(status);
    model_.Apply(operation.batch);
    return Status::Ok();
  }
  // After what makes all durable.
  Status WroteAll(const Status& status) {
    if (status.ok() && disk_ != nullptr) written_->AllIsDurable();
    return status;
  }

  // --- reading ---

  Status TakeSnapshot(Held* held) {
    LSM_ASSIGN_OR_RETURN(held->snapshot, db_->NewSnapshot());
    held->moment = model_.now();
    return Status::Ok();
  }
  Status Read(const Operation& operation) {
    Moment moment = model_.now();
    const Snapshot* snapshot = nullptr;
    if (operation.snapshot > 0) {
      const Held& held = snapshots_[operation.snapshot - 1];
      if (held.snapshot == nullptr) return Status::Ok();
      snapshot = held.snapshot.get();
      moment = held.moment;
    }
    if (operation.kind == Kind::kGet) {
      return CheckGet(db_.get(), snapshot, model_, moment, operation.key);
    }
    if (operation.kind == Kind::kScan) {
      return CheckRows(db_.get(), snapshot, model_, moment, {operation.key, operation.end});
    }
    LSM_ASSIGN_OR_RETURN(
        iterators_[operation.slot - 1],
        HistoryIterator::Open(db_.get(), snapshot, &model_, moment, operation.key, operation.end));
    return Status::Ok();
  }
  Status Move(const Operation& operation, HistoryIterator* iterator) {
    if (iterator == nullptr) return Status::Ok();
    switch (operation.kind) {
      case Kind::kSeekFirst:
        return iterator->SeekFirst();
      case Kind::kSeekLast:
        return iterator->SeekLast();
      case Kind::kSeek:
        return iterator->Seek(operation.key);
      case Kind::kSeekForPrev:
        return iterator->SeekForPrev(operation.key);
      case Kind::kNext:
        for (uint64_t i = 0; i < operation.number; ++i) LSM_RETURN_IF_ERROR(iterator->Next());
        return Status::Ok();
      case Kind::kPrev:
        for (uint64_t i = 0; i < operation.number; ++i) LSM_RETURN_IF_ERROR(iterator->Prev());
        return Status::Ok();
      case Kind::kNextN:
        return operation.number > 0 ? iterator->NextN(operation.number) : Status::Ok();
      default:
        iterators_[operation.slot - 1].reset();
        return Status::Ok();
    }
  }

  // --- crashes ---

  std::unique_ptr<SimDisk> NewDisk(const DiskImage* files) const {
    auto disk = std::make_unique<SimDisk>(kPath, SimDisk::Threads::kOne, files);
    disk->LieAbout(tweaks_.lie);
    return disk;
  }
  // A picture is taken `calls` calls from now, during whatever operation that is.
  void OrderPowerLoss(uint64_t calls, uint64_t seed) {
    if (calls == 0) return TakePicture(seed);
    disk_->SetHook([this, calls, seed](std::string_view) mutable {
      if (calls > 0 && --calls == 0) TakePicture(seed);
    });
  }
  void TakePicture(uint64_t seed) {
    const size_t durable = written_->durable();
    DiskImage files = disk_->AfterPowerLoss(seed);
    picture_ = {std::move(files), durable, written_->started()};
    pictured_.store(true);
  }
  // Goes on with what the picture shows: with some of the writes, all of the durable ones.
  Status LosePower() {
    disk_->SetHook(nullptr);
    const Picture picture = std::move(picture_);
    pictured_.store(false);
    Drop();
    disk_ = NewDisk(&picture.files);
    LSM_RETURN_IF_ERROR(Open(0, /*read_only=*/false));
    LSM_ASSIGN_OR_RETURN(Model rows, RowsOf(db_.get()));
    const std::string wrong = written_->Check(rows, picture.durable, picture.started);
    if (!wrong.empty()) return Status::Internal("after a loss of power " + wrong);
    model_ = HistoryModel(rows);
    written_ = std::make_unique<History>();
    written_->StartFrom(std::move(rows));
    return Status::Ok();
  }
  // Goes on with all writes.
  Status Kill() {
    disk_->SetHook(nullptr);
    const std::unique_ptr<SimDisk> before = std::exchange(disk_, disk_->AfterKill());
    Drop();
    LSM_RETURN_IF_ERROR(Open(0, /*read_only=*/false));
    written_->AllIsDurable();
    return CheckRows(db_.get(), nullptr, model_, model_.now(), {"", InfiniteKey()});
  }

  const size_t setting_;
  const HistoryTweaks& tweaks_;
  // One of them; and with a disk all writes since the last power loss.
  std::unique_ptr<Env> memory_;
  std::unique_ptr<SimDisk> disk_;
  std::unique_ptr<History> written_;
  std::atomic<bool> pictured_{false};  // picture_ is there, and stays as it is
  Picture picture_;

  HistoryModel model_;
  std::shared_ptr<Db> db_;
  std::array<Held, kHistorySlots> snapshots_;
  std::array<std::unique_ptr<HistoryIterator>, kHistorySlots> iterators_;
};

}  // namespace

std::span<const HistorySetting> HistorySettings() { return kSettings; }

std::string RunHistory(const Operations& history, size_t setting, const HistoryTweaks& tweaks) {
  constexpr size_t kShown = 200;
  Runner runner(HasCrashes(history), setting, tweaks);
  Status status = runner.Start();
  if (!status.ok()) return "start: " + status.ToString();
  for (size_t i = 0; i < history.size(); ++i) {
    status = runner.Do(history[i]);
    if (status.ok()) continue;
    return absl::StrCat("operation ", i + 1, " (", OperationText(history[i]).substr(0, kShown),
                        "): ", status.ToString());
  }
  status = runner.Finish();
  return status.ok() ? "" : "finish: " + status.ToString();
}

}  // namespace lsm
