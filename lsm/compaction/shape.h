// The shape that compaction gives the tree: how many runs a level may hold before they are merged
// into the next, and how large it may grow (Dayan and Idreos, "Dostoevsky", SIGMOD 2018: K runs in
// the upper levels, Z in the last, size ratio T).

#ifndef LSM_COMPACTION_SHAPE_H_
#define LSM_COMPACTION_SHAPE_H_

#include <cstdint>

#include "lsm/base/options.h"

namespace lsm {

struct TreeShape {
  uint64_t upper_runs = 0;  // K
  uint64_t last_runs = 0;   // Z
  uint64_t size_ratio = 0;  // T
  uint64_t flush_runs = 0;  // runs that level 0 may hold
  uint64_t flush_size = 0;  // bytes of a flushed run: the unit of all capacities

  static TreeShape Of(const Options& resolved_options);

  // Bytes that level `level` may hold. Saturates.
  uint64_t Capacity(uint32_t level) const;
  // Runs that `level` may hold where `last` is the deepest level in use.
  uint64_t MaxRuns(uint32_t level, uint32_t last) const;
};

}  // namespace lsm

#endif  // LSM_COMPACTION_SHAPE_H_
