#include "lsm/compaction/picker.h"

#include <algorithm>

#include "lsm/base/limits.h"

namespace lsm {
namespace {

using Levels = std::vector<LevelPicture>;

uint64_t SizeOf(const LevelPicture& level) {
  uint64_t total = 0;
  for (const RunPicture& run : level.runs) total += run.size;
  return total;
}

bool AnyBusy(const LevelPicture& level) {
  return std::any_of(level.runs.begin(), level.runs.end(),
                     [](const RunPicture& run) { return run.busy; });
}

// The deepest level that holds a run. REQUIRES: there is one.
uint32_t LastLevel(const Levels& levels) {
  uint32_t last = static_cast<uint32_t>(levels.size()) - 1;
  while (levels[last].runs.empty()) --last;
  return last;
}

// The runs of `level` behind every busy one: what a merge into the next level may take. Newer runs
// that another merge is filling stay; nothing may be taken from above a run that is being emptied.
std::vector<RunRef> FreeTail(const Levels& levels, uint32_t level) {
  std::vector<RunRef> refs;
  for (const RunPicture& run : levels[level].runs) {
    if (run.busy) {
      refs.clear();
    } else {
      refs.push_back({level, run.id});
    }
  }
  // A busy oldest run blocks what is newer: it would be overtaken.
  if (!levels[level].runs.empty() && levels[level].runs.back().busy) refs.clear();
  return refs;
}

// Whether `level` gets one run from a merge into it, so that its run takes part.
bool MergesIntoOneRun(const Levels& levels, const TreeShape& shape, uint32_t level, uint32_t last) {
  return shape.MaxRuns(level, std::max(level, last)) == 1 && level < levels.size() &&
         !levels[level].runs.empty();
}

std::optional<MergeChoice> MergeDown(const Levels& levels, const TreeShape& shape, uint32_t level,
                                     uint32_t last) {
  const uint32_t target = level + 1;
  if (target >= kMaxLevels) return std::nullopt;
  MergeChoice choice{.inputs = FreeTail(levels, level), .target_level = target, .target_run = {}};
  if (choice.inputs.empty()) return std::nullopt;
  if (MergesIntoOneRun(levels, shape, target, last)) {
    // More than one run can be left there by another style; they all become the oldest.
    if (AnyBusy(levels[target])) return std::nullopt;
    for (const RunPicture& run : levels[target].runs) choice.inputs.push_back({target, run.id});
    choice.target_run = levels[target].runs.back().id;
  }
  return choice;
}

std::optional<MergeChoice> PickOverfull(const Levels& levels, const TreeShape& shape,
                                        uint32_t last) {
  std::optional<MergeChoice> best;
  double best_score = 1.0;
  for (uint32_t level = 0; level <= last; ++level) {
    const uint64_t runs = levels[level].runs.size();
    if (runs == 0) continue;
    const double by_runs =
        static_cast<double>(runs) / static_cast<double>(shape.MaxRuns(level, last));
    const double by_size =
        static_cast<double>(SizeOf(levels[level])) / static_cast<double>(shape.Capacity(level));
    // Level 0 is bounded by the number of its runs: their size is the memtables' affair.
    const double score = level == 0 ? by_runs : std::max(by_runs, by_size);
    if (score <= best_score) continue;
    if (auto choice = MergeDown(levels, shape, level, last)) {
      best = std::move(choice);
      best_score = score;
    }
  }
  return best;
}

std::optional<MergeChoice> PickConvergence(const Levels& levels, uint32_t last) {
  MergeChoice upper;
  uint64_t upper_size = 0;
  for (uint32_t level = 0; level < last; ++level) {
    if (AnyBusy(levels[level])) return std::nullopt;
    upper_size += SizeOf(levels[level]);
    for (const RunPicture& run : levels[level].runs) upper.inputs.push_back({level, run.id});
  }
  const LevelPicture& bottom = levels[last];
  if (AnyBusy(bottom)) return std::nullopt;
  const bool rewrite_last = bottom.runs.size() > 1 ||
                            (upper_size > 0 && upper_size >= SizeOf(bottom) / kConvergenceRatio);
  if (rewrite_last) {
    for (const RunPicture& run : bottom.runs) upper.inputs.push_back({last, run.id});
    // Level 0 is for flushes; a tree that has nothing else begins its level 1.
    upper.target_level = std::max(last, uint32_t{1});
    if (upper.target_level == last) upper.target_run = bottom.runs.back().id;
    return upper;
  }
  if (upper.inputs.size() > 1) {
    upper.target_level = std::max(last - 1, uint32_t{1});
    if (upper.target_level == last) return std::nullopt;
    // The oldest input is refilled where it already stands on the target level.
    if (upper.inputs.back().level == upper.target_level) upper.target_run = upper.inputs.back().id;
    return upper;
  }
  return std::nullopt;
}

}  // namespace

std::optional<MergeChoice> PickMerge(const std::vector<LevelPicture>& levels,
                                     const TreeShape& shape, bool idle) {
  const bool empty = std::all_of(levels.begin(), levels.end(),
                                 [](const LevelPicture& level) { return level.runs.empty(); });
  if (empty) return std::nullopt;
  const uint32_t last = LastLevel(levels);
  if (auto choice = PickOverfull(levels, shape, last)) return choice;
  return idle ? PickConvergence(levels, last) : std::nullopt;
}

}  // namespace lsm
