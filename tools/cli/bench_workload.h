// The workloads of `lsm bench`, as the field knows them from LevelDB's db_bench and from YCSB
// (Cooper, Silberstein, Tam, Ramakrishnan, Sears, "Benchmarking cloud serving systems with YCSB",
// SoCC 2010).

#ifndef LSM_TOOLS_CLI_BENCH_WORKLOAD_H_
#define LSM_TOOLS_CLI_BENCH_WORKLOAD_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "lsm/base/status.h"
#include "tools/cli/bench_rows.h"
#include "tools/cli/engine.h"
#include "tools/cli/latency.h"
#include "tools/cli/random.h"
#include "tools/cli/zipfian.h"

namespace lsm::cli {

struct BenchSettings {
  uint64_t rows = 1'000'000;
  uint64_t operations = 0;  // of workloads that read or mix; 0: as many as rows
  uint64_t key_size = 16;
  uint64_t value_size = 100;
  uint64_t threads = 1;
  double compression_ratio = 0.5;  // of values: stored over raw
  uint64_t seed = 1;
};

// What all threads of a workload share.
struct BenchShared {
  const Database* db;
  const BenchSettings* settings;
  const Zipfian* zipfian;                 // for YCSB
  std::atomic<uint64_t> row_count{0};     // grows by inserts
  std::atomic<bool> readers_done{false};  // for readwhilewriting
};

// One thread of a workload and what it measured.
class BenchThread {
 public:
  BenchThread(BenchShared* shared, uint64_t index, uint64_t operations);

  BenchShared& shared;
  const uint64_t index;
  const uint64_t operations;  // what it is to do
  Random random;
  KeyMaker keys;
  ValueSource values;

  Status status;
  uint64_t done = 0;   // operations
  uint64_t bytes = 0;  // of keys and values that they moved
  uint64_t found = 0;  // of the operations that looked for a key
  uint64_t looked = 0;
  LatencyHistogram latency;

  // An operation, or several that took the time since the last call together, ended now.
  void Finished(uint64_t count = 1);
  void StartClock();

  // False once there is nothing more to do: all done, failed or cancelled.
  bool GoesOn() const { return done < operations && status.ok() && !CancelRequested(); }

 private:
  uint64_t last_nanos_ = 0;
};

struct Workload {
  std::string_view name;
  std::string_view help;
  enum class Needs { kEmptyDatabase, kRows } needs;
  // Every how many rows there is an operation: syncs are slow, batches are large.
  uint64_t rows_per_operation;
  bool reads;  // its number of operations is settings.operations
  void (*run)(BenchThread* thread);
};

std::span<const Workload> Workloads();
// Null where there is none of that name.
const Workload* FindWorkload(std::string_view name);

// Overwrites random rows until the readers are done.
void WriteInBackground(BenchThread* thread);

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_BENCH_WORKLOAD_H_
