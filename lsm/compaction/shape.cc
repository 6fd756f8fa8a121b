#include "lsm/compaction/shape.h"

#include <algorithm>

namespace lsm {
namespace {

// Merging every single flush would write the next level once a flush; a few runs of memtable size
// cost little to read.
constexpr uint64_t kMinFlushRuns = 4;

}  // namespace

TreeShape TreeShape::Of(const Options& resolved_options) {
  const uint64_t ratio = resolved_options.size_ratio;
  TreeShape shape;
  shape.size_ratio = ratio;
  shape.upper_runs = resolved_options.compaction_style == CompactionStyle::kLeveled ? 1 : ratio - 1;
  shape.last_runs = resolved_options.compaction_style == CompactionStyle::kTiered ? ratio - 1 : 1;
  shape.flush_runs = std::max(shape.upper_runs, kMinFlushRuns);
  shape.flush_size = resolved_options.write_buffer_size;
  return shape;
}

uint64_t TreeShape::Capacity(uint32_t level) const {
  uint64_t capacity = flush_size;
  for (uint32_t i = 0; i <= level; ++i) {
    if (capacity > UINT64_MAX / size_ratio) return UINT64_MAX;
    capacity *= size_ratio;
  }
  return capacity;
}

uint64_t TreeShape::MaxRuns(uint32_t level, uint32_t last) const {
  if (level == 0) return flush_runs;
  return level == last ? last_runs : upper_runs;
}

}  // namespace lsm
