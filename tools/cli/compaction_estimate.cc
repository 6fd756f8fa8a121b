#include "tools/cli/compaction_estimate.h"

#include <set>

namespace lsm::cli {

CompactionEstimate EstimateCompaction(const ManifestState& state, uint64_t log_bytes,
                                      const KeyBounds& range, uint64_t free_bytes) {
  CompactionEstimate estimate;
  estimate.free_bytes = free_bytes;
  std::set<uint64_t> tables;
  for (const AddedSlice& slice : state.slices) {
    const bool before = range.from && slice.range.end <= *range.from;
    const bool behind = range.to && slice.range.begin >= *range.to;
    if (range.empty || before || behind) continue;
    tables.insert(slice.table.number);
    estimate.bytes_to_read += slice.size;
  }
  estimate.tables = tables.size();
  // The log is flushed first, whatever the range: a table no larger than it, which is then an
  // input.
  estimate.bytes_to_read += log_bytes;
  estimate.bytes_to_write = estimate.bytes_to_read + log_bytes;
  estimate.peak_extra_bytes = estimate.bytes_to_write;
  return estimate;
}

}  // namespace lsm::cli
