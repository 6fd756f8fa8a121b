// Cutting a merge into jobs. Pure: a version in, the next piece of work out.
//
// A merge turns its input runs into one target run, key range by key range. What is left to do is
// what the inputs above the target still hold, so a merge needs no state of its own beyond the
// ranges that jobs work on at this moment.

#ifndef LSM_COMPACTION_MERGE_PLAN_H_
#define LSM_COMPACTION_MERGE_PLAN_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lsm/compaction/picker.h"
#include "lsm/version/version.h"

namespace lsm {

// A merge under way. `target_run` is the last of `inputs` where it existed before.
struct MergeSpec {
  std::vector<RunRef> inputs;  // newest first
  uint32_t target_level = 0;
  uint64_t target_run = 0;
  // Only keys in here are merged.
  KeyRange range;
  // Rewrites the target's own slices too where they may hold garbage, and never moves a slice that
  // does: what a compaction by hand promises.
  bool thorough = false;

  RunRef target() const { return {target_level, target_run}; }
};

struct JobPlan {
  KeyRange range;
  // The one input slice in the range is moved to the target run as it is; never one that leaves out
  // most of its file.
  bool move = false;
  // Nothing older than the inputs holds a key of the range.
  bool bottom = false;
  // By input run, newest first: its slices that overlap the range. Runs without any are left out.
  struct Input {
    RunRef run;
    std::vector<Slice> slices;
  };
  std::vector<Input> inputs;
  uint64_t input_size = 0;  // bytes, roughly those in the range

  bool has_range_tombstones() const;
};

// The next job of the merge that touches none of the `claimed` ranges, or none where all that is
// left is claimed or done. A job takes about `job_size` bytes, more only where the tables leave no
// place to cut.
std::optional<JobPlan> NextJob(const Version& version, const MergeSpec& spec,
                               std::span<const KeyRange> claimed, uint64_t job_size);

// Whether the merge has nothing left to do, claimed or not. What remains of one of the target's
// tables is work too where that leaves out most of its file.
bool IsMergeDone(const Version& version, const MergeSpec& spec);

// Whether rewriting the slice could drop something of it: deletions, versions, keys outside its
// range.
bool MayHoldGarbage(const Slice& slice);

}  // namespace lsm

#endif  // LSM_COMPACTION_MERGE_PLAN_H_
