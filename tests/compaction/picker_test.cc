#include "lsm/compaction/picker.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"
#include "lsm/base/limits.h"

namespace lsm {
namespace {

TreeShape ShapeOf(CompactionStyle style, uint64_t ratio = 4) {
  Options options;
  options.compaction_style = style;
  options.size_ratio = ratio;
  options.write_buffer_size = 100;
  return TreeShape::Of(options);
}

using Tree = std::vector<LevelPicture>;

uint64_t SizeOf(const Tree& tree) {
  uint64_t total = 0;
  for (const LevelPicture& level : tree) {
    for (const RunPicture& run : level.runs) total += run.size;
  }
  return total;
}

// A choice must be of free runs, newest first, neighbours in age, and its target must not overtake.
void CheckChoice(const Tree& tree, const MergeChoice& choice) {
  ASSERT_FALSE(choice.inputs.empty());
  ASSERT_LT(choice.target_level, kMaxLevels);
  ASSERT_GE(choice.target_level, 1u) << "level 0 is for flushes";
  std::vector<RunRef> by_age;
  std::vector<bool> busy;
  for (uint32_t level = 0; level < tree.size(); ++level) {
    for (const RunPicture& run : tree[level].runs) {
      by_age.push_back({level, run.id});
      busy.push_back(run.busy);
    }
  }
  const auto first = std::find(by_age.begin(), by_age.end(), choice.inputs.front());
  ASSERT_NE(first, by_age.end());
  const auto offset = static_cast<size_t>(first - by_age.begin());
  ASSERT_LE(offset + choice.inputs.size(), by_age.size());
  for (size_t i = 0; i < choice.inputs.size(); ++i) {
    EXPECT_EQ(by_age[offset + i], choice.inputs[i]) << "inputs are neighbours in age";
    EXPECT_FALSE(busy[offset + i]);
  }
  if (choice.target_run.has_value()) {
    EXPECT_EQ(choice.inputs.back(), (RunRef{choice.target_level, *choice.target_run}));
  }
  // What is older than the inputs lies on the target level or deeper; on it, a new run is the
  // newest.
  const size_t behind = offset + choice.inputs.size();
  if (behind < by_age.size()) {
    EXPECT_GE(by_age[behind].level, choice.target_level);
  }
  // What is newer than the inputs must not lie behind the target.
  if (offset > 0) {
    EXPECT_LE(by_age[offset - 1].level, choice.target_level);
    EXPECT_TRUE(by_age[offset - 1].level < choice.target_level);
  }
}

void ApplyChoice(const MergeChoice& choice, uint64_t new_id, Tree* tree) {
  uint64_t size = 0;
  for (const RunRef& input : choice.inputs) {
    auto& runs = (*tree)[input.level].runs;
    const auto run = std::find_if(runs.begin(), runs.end(),
                                  [&](const RunPicture& r) { return r.id == input.id; });
    size += run->size;
    runs.erase(run);
  }
  if (tree->size() <= choice.target_level) tree->resize(choice.target_level + 1);
  auto& runs = (*tree)[choice.target_level].runs;
  if (choice.target_run.has_value()) {
    runs.push_back({*choice.target_run, size, false});
  } else {
    runs.insert(runs.begin(), {new_id, size, false});
  }
}

class PickerTest : public testing::TestWithParam<CompactionStyle> {};

// From any tree, whatever left it, merging comes to an end, in a tree of the right shape.
TEST_P(PickerTest, ComesToAnEndFromAnyTree) {
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const TreeShape shape = ShapeOf(GetParam(), 2 + random() % 9);
    Tree tree(random() % 6);
    uint64_t id = 1000;
    for (LevelPicture& level : tree) {
      for (uint64_t i = random() % 12; i > 0; --i) {
        level.runs.push_back({id--, random() % (uint64_t{1} << random() % 20), false});
      }
    }
    const uint64_t size = SizeOf(tree);
    id = 1001;
    for (const bool idle : {false, true}) {
      int steps = 0;
      while (const auto choice = PickMerge(tree, shape, idle)) {
        CheckChoice(tree, *choice);
        ApplyChoice(*choice, id++, &tree);
        ASSERT_EQ(SizeOf(tree), size);
        ASSERT_LT(++steps, 200) << "no end";
        if (HasFailure()) return;
      }
      uint32_t last = 0;
      for (uint32_t level = 0; level < tree.size(); ++level) {
        if (!tree[level].runs.empty()) last = level;
      }
      for (uint32_t level = 0; level < tree.size(); ++level) {
        EXPECT_LE(tree[level].runs.size(), shape.MaxRuns(level, last)) << "level " << level;
      }
    }
    // Idle, it has converged: one run, or what is not worth rewriting it for, which is one run too
    // where there is a level between for it.
    uint32_t last = 0;
    size_t runs = 0;
    for (uint32_t level = 0; level < tree.size(); ++level) {
      if (!tree[level].runs.empty()) last = level;
      runs += tree[level].runs.size();
    }
    if (runs < 2) continue;
    ASSERT_EQ(tree[last].runs.size(), 1u);
    const uint64_t bottom = tree[last].runs[0].size;
    const uint64_t above = size - bottom;
    EXPECT_TRUE(above == 0 || above < bottom / kConvergenceRatio) << above << " over " << bottom;
    EXPECT_TRUE(runs == 2 || last == 1) << runs << " runs";
  }
}

// Some runs belong to merges in progress: whatever is picked leaves them alone and overtakes
// nobody.
TEST_P(PickerTest, LeavesBusyRunsAlone) {
  for (uint64_t seed = 1; seed <= 5000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    Tree tree(1 + random() % 5);
    uint64_t id = 1000;
    for (LevelPicture& level : tree) {
      for (uint64_t i = random() % 10; i > 0; --i) {
        level.runs.push_back({id--, random() % 10'000, random() % 4 == 0});
      }
    }
    const auto choice = PickMerge(tree, ShapeOf(GetParam()), random() % 2 == 0);
    if (choice.has_value()) CheckChoice(tree, *choice);
    if (HasFailure()) return;
  }
}

// A load of flushes, merged as they come: the tree keeps its shape all along, and every byte is
// rewritten no more often than the style allows.
TEST_P(PickerTest, KeepsItsShapeUnderFlushes) {
  const TreeShape shape = ShapeOf(GetParam());
  Tree tree(1);
  uint64_t id = 1;
  uint64_t written = 0;
  constexpr int kFlushes = 2000;
  for (int i = 0; i < kFlushes; ++i) {
    tree[0].runs.insert(tree[0].runs.begin(), {id++, 100, false});
    while (const auto choice = PickMerge(tree, shape, false)) {
      CheckChoice(tree, *choice);
      for (const RunRef& input : choice->inputs) {
        for (const RunPicture& run : tree[input.level].runs) {
          if (run.id == input.id) written += run.size;
        }
      }
      ApplyChoice(*choice, id++, &tree);
      if (HasFailure()) return;
    }
    ASSERT_LE(tree[0].runs.size(), shape.flush_runs);
  }
  uint64_t levels = 0;
  while (shape.Capacity(static_cast<uint32_t>(levels)) < 100u * kFlushes) ++levels;
  const uint64_t per_level = GetParam() == CompactionStyle::kLeveled ? shape.size_ratio + 1 : 2;
  // The last level of the lazy style is leveled.
  const uint64_t extra = GetParam() == CompactionStyle::kLazy ? shape.size_ratio : 0;
  EXPECT_LE(written, 100u * kFlushes * ((levels + 1) * per_level + extra));
  EXPECT_LE(tree.size(), levels + 2);
}

INSTANTIATE_TEST_SUITE_P(Styles, PickerTest,
                         testing::Values(CompactionStyle::kLazy, CompactionStyle::kLeveled,
                                         CompactionStyle::kTiered));

TEST(PickerRulesTest, NothingIsDoneWhereNothingNeedsIt) {
  const TreeShape shape = ShapeOf(CompactionStyle::kLazy);
  EXPECT_FALSE(PickMerge({}, shape, true).has_value());
  EXPECT_FALSE(PickMerge(Tree(3), shape, true).has_value());
  Tree tree(2);
  tree[0].runs = {{2, 100, false}, {1, 100, false}};
  EXPECT_FALSE(PickMerge(tree, shape, false).has_value());
  // One run on level 1 is what convergence ends in.
  tree[0].runs.clear();
  tree[1].runs = {{1, 100, false}};
  EXPECT_FALSE(PickMerge(tree, shape, true).has_value());
}

TEST(PickerRulesTest, AnOverfullLevelGoesIntoTheNext) {
  const TreeShape shape = ShapeOf(CompactionStyle::kLazy);
  Tree tree(2);
  for (uint64_t id = 9; id > 4; --id) tree[0].runs.push_back({id, 100, false});
  tree[1].runs = {{1, 300, false}};
  auto choice = PickMerge(tree, shape, false);
  ASSERT_TRUE(choice.has_value());
  EXPECT_EQ(choice->inputs.size(), 6u) << "the last level is one run, which takes part";
  EXPECT_EQ(choice->target_level, 1u);
  EXPECT_EQ(choice->target_run, 1u);
  // In the middle of the tree runs are added, not merged.
  tree.resize(3);
  tree[2].runs = {{0, 3000, false}};
  choice = PickMerge(tree, shape, false);
  ASSERT_TRUE(choice.has_value());
  EXPECT_EQ(choice->inputs.size(), 5u);
  EXPECT_EQ(choice->target_level, 1u);
  EXPECT_EQ(choice->target_run, std::nullopt);
}

}  // namespace
}  // namespace lsm
