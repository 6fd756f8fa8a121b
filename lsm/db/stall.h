// How writers are slowed down when flush and compaction fall behind. Pure.
//
// The delay grows smoothly from nothing, so that the write rate meets the rate of the background
// work before anything has to stop. Writers stop only where no memtable is left to write to, or
// where so many runs wait to be merged that reads would drown in them, because rows are tiny or a
// merge by hand has the right of way.

#ifndef LSM_DB_STALL_H_
#define LSM_DB_STALL_H_

#include <cstdint>

namespace lsm {

struct StallInput {
  uint64_t immutable_memtables = 0;
  uint64_t max_immutable_memtables = 0;
  double active_fill = 0;         // of the active memtable, 0 to 1
  uint64_t flushed_runs = 0;      // in level 0
  uint64_t max_flushed_runs = 0;  // that its shape allows
};

// Nanoseconds to wait for each KiB written.
uint64_t StallNanosPerKiB(const StallInput& input);

// Whether no run is to be added to level 0 while merges can still take some away.
bool MustStopForRuns(uint64_t flushed_runs, uint64_t max_flushed_runs);

}  // namespace lsm

#endif  // LSM_DB_STALL_H_
