// One step of a comparison: an amount of one kind of work on one database, measured.
//
// The names are those of the field where it has one (db_bench, YCSB). All rows are those of
// tools/cli/bench_rows.h and all random numbers come from the seed, so that every engine gets the
// same keys and values in the same order.

#ifndef LSM_TOOLS_COMPARE_STEP_H_
#define LSM_TOOLS_COMPARE_STEP_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tools/cli/latency.h"
#include "tools/compare/engine.h"

namespace lsm::compare {

struct StepSettings {
  std::string step;
  EngineOptions engine;
  uint64_t rows = 1'000'000;
  uint64_t operations = 1'000'000;
  uint64_t value_size = 100;
  uint64_t threads = 1;
  double seconds = 0;  // stop after so long where not 0
  uint64_t seed = 1;
  bool merge = false;  // of loads: also merge into one sorted run
};

struct StepResult {
  uint64_t operations = 0;
  double seconds = 0;
  double cpu_seconds = 0;  // of all threads, in that time
  uint64_t written_bytes = 0;
  uint64_t anonymous_bytes = 0;  // at the peak of the process
  uint64_t background_operations = 0;
  uint64_t user_bytes = 0;  // of the keys and values that were put
  Tally tally;              // what was read
  cli::LatencyHistogram latency;
};

// Ends the process where the step fails or there is none of that name.
StepResult RunStep(const StepSettings& settings);

std::span<const std::string_view> StepNames();

}  // namespace lsm::compare

#endif  // LSM_TOOLS_COMPARE_STEP_H_
