// How writers are slowed down when flush and compaction fall behind. Pure.
//
// The delay grows smoothly from nothing, so that the write rate meets the rate of the background
// work before anything has to stop. Writers stop only when no memtable is left to write to.

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

}  // namespace lsm

#endif  // LSM_DB_STALL_H_
