// EngineSchedule: one schedule of a small database and its clients, who write, read, look through
// snapshots, scan, flush, compact and close at random, and judge what they were answered:
// - every answer is explained by some order of what they did (history.h);
// - amounts that move between accounts, in one batch each, keep their sum in every view;
// - the heavy rows of a client, written in one batch, are all there and all of one batch;
// - what a snapshot shows does not change; a reopen finds what was there.

#ifndef LSM_TESTS_SCHED_ENGINE_SCHEDULE_H_
#define LSM_TESTS_SCHED_ENGINE_SCHEDULE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lsm/db/db.h"
#include "tests/sched/history.h"
#include "tests/sched/scheduled_env.h"

namespace lsm {

class EngineSchedule {
 public:
  // `how_to_repeat` goes with a failure from which there is no way on.
  EngineSchedule(uint64_t seed, std::string how_to_repeat);

  void Run() {
    scheduler_.Run([this] { Main(); });
  }

  // Empty: all is well.
  const std::string& failure() const { return failure_; }
  uint64_t trace_hash() const { return scheduler_.trace_hash(); }
  uint64_t steps() const { return scheduler_.steps(); }

 private:
  // Rows in order.
  using View = std::vector<std::pair<std::string, std::string>>;

  struct Client {
    size_t number = 0;
    uint64_t operations = 0;
    std::mt19937_64 random;
    uint64_t writes = 0;
    std::array<int64_t, 2> balances = {};
    // A view that is kept for a while, and what was seen through it.
    std::unique_ptr<Snapshot> snapshot;
    uint64_t snapshot_begin = 0;
    uint64_t snapshot_end = 0;
    std::optional<View> seen;
    bool closed = false;

    uint64_t Random(uint64_t bound) { return random() % bound; }
  };

  void Fail(std::string_view what);
  // False where the database is closed; another failure is one of the test.
  bool Ok(Client* client, const Status& status, std::string_view what);
  // The keys that are judged one by one.
  std::vector<std::string> AllKeys() const;
  // No two values alike. What it is about comes first, then filling, so that memtables fill up.
  std::string NewValue(Client* client, std::string_view what);
  Options RandomOptions();
  void Main();
  void RunClient(Client* client);
  void Operate(Client* client);
  void Write(Client* client, const WriteBatch& batch,
             const std::vector<std::pair<std::string, std::string>>& writes);
  void WritePlain(Client* client);
  void Transfer(Client* client);
  void WriteHeavy(Client* client);
  void ReadOne(Client* client);
  void TakeSnapshot(Client* client);
  void LookThroughSnapshot(Client* client);
  void ScanAll(Client* client);
  void Maintain(Client* client);
  std::optional<View> GetAll(Client* client, const Snapshot* snapshot);
  std::optional<View> Rows(Client* client, const Snapshot* snapshot, bool forward);
  std::optional<View> RowsOf(Client* client, Scan* scan, bool forward);
  void Record(uint64_t begin, uint64_t end, const View& view);
  void CheckSum(const View& view);
  void CheckHeavy(const View& view);

  std::mt19937_64 random_;
  SeededScheduler scheduler_;
  std::string failure_;
  History history_;
  size_t client_count_ = 0;
  bool may_close_ = false;
  std::shared_ptr<Db> db_;
};

}  // namespace lsm

#endif  // LSM_TESTS_SCHED_ENGINE_SCHEDULE_H_
