// What a compaction by hand would cost, from the manifest alone. Pure.

#ifndef LSM_TOOLS_CLI_COMPACTION_ESTIMATE_H_
#define LSM_TOOLS_CLI_COMPACTION_ESTIMATE_H_

#include <cstdint>

#include "tools/cli/context.h"
#include "tools/cli/database_files.h"

namespace lsm::cli {

// Upper bounds: garbage that goes away makes all of it less.
struct CompactionEstimate {
  uint64_t tables = 0;
  uint64_t bytes_to_read = 0;
  uint64_t bytes_to_write = 0;
  // Inputs go only when what replaces them is durable, so all that is written may stand beside
  // them.
  uint64_t peak_extra_bytes = 0;
  uint64_t free_bytes = 0;

  bool fits() const { return peak_extra_bytes <= free_bytes; }
};

// `log_bytes`: of what is not in tables yet.
CompactionEstimate EstimateCompaction(const ManifestState& state, uint64_t log_bytes,
                                      const KeyBounds& range, uint64_t free_bytes);

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_COMPACTION_ESTIMATE_H_
