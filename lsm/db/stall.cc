#include "lsm/db/stall.h"

#include <algorithm>

namespace lsm {
namespace {

// 40 us a KiB is 25 MB/s: slower than any disk worth the name flushes.
constexpr double kMaxNanosPerKiB = 40'000;
// Reads suffer with each run, but a burst should pass unslowed: the delay begins at this many times
// the runs that level 0 is meant to hold, and is full at the second figure.
constexpr double kRunsSlowdownBegin = 3;
constexpr double kRunsSlowdownFull = 8;
constexpr uint64_t kRunsStop = 16;

// 0 before `begin`, 1 from `end` on, rising with the square between them.
double Ramp(double value, double begin, double end) {
  const double share = std::clamp((value - begin) / (end - begin), 0.0, 1.0);
  return share * share;
}

}  // namespace

uint64_t StallNanosPerKiB(const StallInput& input) {
  // While only the last spare memtable is left, filling it up means a stop.
  const bool last_memtable = input.immutable_memtables >= input.max_immutable_memtables;
  const double by_memtables = last_memtable ? Ramp(input.active_fill, 0.5, 1.0) : 0;
  const auto allowed = static_cast<double>(input.max_flushed_runs);
  const double by_runs = Ramp(static_cast<double>(input.flushed_runs), kRunsSlowdownBegin * allowed,
                              kRunsSlowdownFull * allowed);
  return static_cast<uint64_t>(kMaxNanosPerKiB * std::max(by_memtables, by_runs));
}

bool MustStopForRuns(uint64_t flushed_runs, uint64_t max_flushed_runs) {
  return flushed_runs >= kRunsStop * max_flushed_runs;
}

}  // namespace lsm
