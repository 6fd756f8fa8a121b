// The picker decides which runs to merge next. Pure: a picture of the tree in, a decision out.
//
// Rules, in order:
// 1. A level with more runs than its shape allows, or more bytes than its capacity, is merged into
//    the next, all of its runs at once; into the next level's run where that level is to have one,
//    as a new run otherwise. The fullest level goes first.
// 2. When idle, the tree converges: the runs above the last level go into the last where they are
//    worth rewriting it, else into one run above it, if there is a level between for it; the runs
//    of the last level become one.
//
// Runs that a merge in progress has as input or target are left alone.

#ifndef LSM_COMPACTION_PICKER_H_
#define LSM_COMPACTION_PICKER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "lsm/compaction/shape.h"

namespace lsm {

struct RunPicture {
  uint64_t id = 0;
  uint64_t size = 0;  // bytes
  bool busy = false;  // an input or the target of a merge in progress
};

struct LevelPicture {
  std::vector<RunPicture> runs;  // newest first
};

struct RunRef {
  uint32_t level = 0;
  uint64_t id = 0;
  bool operator==(const RunRef&) const = default;
};

// The runs `inputs` (newest first, neighbours in age) become one run on level `target_level`: the
// run `target`, which is then the last of the inputs and is emptied and refilled range by range, or
// a new one.
struct MergeChoice {
  std::vector<RunRef> inputs;
  uint32_t target_level = 0;
  std::optional<uint64_t> target_run;
};

// How much larger the last level may be than what is above it and still be rewritten when idle: the
// write amplification that an idle tree pays at most for being one run.
inline constexpr uint64_t kConvergenceRatio = 16;

std::optional<MergeChoice> PickMerge(const std::vector<LevelPicture>& levels,
                                     const TreeShape& shape, bool idle);

}  // namespace lsm

#endif  // LSM_COMPACTION_PICKER_H_
