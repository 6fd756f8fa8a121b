#include "lsm/compaction/merge_plan.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"
#include "lsm/base/write_batch.h"

namespace lsm {
namespace {

std::string KeyOf(uint64_t number) {
  return std::string(1, static_cast<char>('a' + number / 26)) +
         static_cast<char>('a' + number % 26);
}
constexpr uint64_t kKeys = 300;

// A tree of made-up tables, which nobody opens.
class Tree {
 public:
  explicit Tree(uint64_t seed) : random_(seed), version_(MakeRef<Version>()) {}

  void AddRun(uint32_t level, uint64_t id) {
    VersionEdit edit;
    for (uint64_t key = random_() % 20; key < kKeys;) {
      const uint64_t end = key + 1 + random_() % 40;
      TableMeta table = NewTable({KeyOf(key), KeyOf(end)});
      if (random_() % 3 == 0) table.delete_count = 1;
      if (random_() % 8 == 0) table.range_tombstone_count = 1;
      if (random_() % 3 == 0) table.max_sequence = 0;
      KeyRange range = table.range;
      if (end - key > 2 && random_() % 4 == 0) range.begin = KeyOf(key + 1);
      edit.added_slices.push_back({level, id, table, range, 50 + random_() % 100});
      key = end + (random_() % 2 == 0 ? 0 : random_() % 30);
    }
    Apply(std::move(edit));
  }

  TableMeta NewTable(const KeyRange& range) {
    return {.number = next_table_++,
            .file_size = 200,
            .entry_count = 10,
            .max_sequence = 5,
            .range = range};
  }

  void Apply(VersionEdit edit) {
    auto next = version_->Apply(edit, cache_);
    ASSERT_TRUE(next.ok()) << next.status().ToString();
    version_ = next.Take();
  }

  // What an installed job does: the range is cut off its inputs, and its output added.
  void Install(const MergeSpec& spec, const JobPlan& plan) {
    VersionEdit edit;
    const KeyRange& range = plan.range;
    for (const JobPlan::Input& input : plan.inputs) {
      const Run* run = version_->FindRun(input.run.level, input.run.id);
      ASSERT_NE(run, nullptr);
      for (const Slice& slice : run->Overlapping(range.begin, range.end)) {
        edit.removed_slices.push_back(
            {input.run.level, input.run.id, slice.table_number(), slice.range.begin});
        const auto keep = [&](const std::string& begin, const std::string& end) {
          edit.added_slices.push_back(
              {input.run.level, input.run.id, slice.file->meta(), {begin, end}, slice.size});
        };
        if (slice.range.begin < range.begin) keep(slice.range.begin, range.begin);
        if (range.end < slice.range.end) keep(range.end, slice.range.end);
      }
    }
    if (plan.move) {
      const Slice& slice = plan.inputs[0].slices[0];
      edit.added_slices.push_back(
          {spec.target_level,
           spec.target_run,
           slice.file->meta(),
           {std::max(slice.range.begin, range.begin), std::min(slice.range.end, range.end)},
           slice.size});
    } else if (random_() % 8 != 0) {  // now and then nothing is left of it
      TableMeta table = NewTable(range);
      if (plan.bottom) table.max_sequence = 0;
      edit.added_slices.push_back({spec.target_level, spec.target_run, table, range, 100});
    }
    Apply(std::move(edit));
  }

  const Version& version() const { return *version_; }
  std::mt19937_64& random() { return random_; }

 private:
  std::mt19937_64 random_;
  uint64_t next_table_ = 1;
  RefPtr<const Version> version_;
  const std::shared_ptr<TableCache> cache_ =
      std::make_shared<TableCache>(nullptr, TableReadOptions(), 16);
};

bool Contains(const std::vector<RunRef>& refs, const RunRef& ref) {
  return std::find(refs.begin(), refs.end(), ref) != refs.end();
}

// `plan` against its contract.
void CheckPlan(const Version& version, const MergeSpec& spec, const std::vector<KeyRange>& claimed,
               const JobPlan& plan) {
  const KeyRange& range = plan.range;
  ASSERT_LT(range.begin, range.end);
  EXPECT_LE(spec.range.begin, range.begin);
  EXPECT_LE(range.end, spec.range.end);
  for (const KeyRange& claim : claimed) {
    EXPECT_FALSE(claim.Overlaps(range.begin, range.end)) << claim.begin << " and " << range.begin;
  }
  // Its inputs are all slices of the spec's inputs over the range, run by run.
  size_t slices = 0;
  auto listed = plan.inputs.begin();
  for (const RunRef& ref : spec.inputs) {
    const Run* run = version.FindRun(ref.level, ref.id);
    if (run == nullptr) continue;
    const auto overlapping = run->Overlapping(range.begin, range.end);
    if (overlapping.empty()) continue;
    ASSERT_NE(listed, plan.inputs.end());
    EXPECT_EQ(listed->run, ref);
    ASSERT_EQ(listed->slices.size(), overlapping.size());
    for (size_t i = 0; i < overlapping.size(); ++i) {
      EXPECT_EQ(listed->slices[i].table_number(), overlapping[i].table_number());
    }
    slices += overlapping.size();
    ++listed;
  }
  EXPECT_EQ(listed, plan.inputs.end());
  ASSERT_GT(slices, 0u);
  // Bottom: nothing older than the inputs is there. Runs are listed newest first.
  bool older = false;
  bool passed = false;
  for (uint32_t level = 0; level < version.levels().size(); ++level) {
    for (const auto& run : version.levels()[level].runs) {
      const RunRef ref{level, run->id()};
      if (ref == spec.inputs.back()) passed = true;
      const bool behind = passed || level > spec.inputs.back().level ||
                          (level == spec.inputs.back().level && run->id() < spec.inputs.back().id);
      if (!behind || Contains(spec.inputs, ref) || ref == spec.target()) continue;
      older |= !run->Overlapping(range.begin, range.end).empty();
    }
  }
  EXPECT_EQ(plan.bottom, !older);
  if (plan.move) {
    EXPECT_EQ(slices, 1u);
    EXPECT_NE(plan.inputs[0].run, spec.target());
    const Slice& slice = plan.inputs[0].slices[0];
    const TableMeta& meta = slice.file->meta();
    EXPECT_TRUE(!plan.bottom || meta.delete_count + meta.range_tombstone_count == 0);
    EXPECT_FALSE(spec.thorough && MayHoldGarbage(slice));
    EXPECT_GE(slice.size, meta.file_size / 2);
  }
}

class MergePlanTest : public testing::TestWithParam<bool> {};

// Up to three jobs at a time, finished in any order, until none is left.
TEST_P(MergePlanTest, JobsCoverTheMergeOnceAndComeToAnEnd) {
  const bool thorough = GetParam();
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Tree tree(seed);
    auto& random = tree.random();
    for (const auto& [level, id] : {std::pair(0u, 9u), std::pair(0u, 8u), std::pair(1u, 7u),
                                    std::pair(2u, 5u), std::pair(2u, 4u), std::pair(3u, 2u)}) {
      tree.AddRun(level, id);
    }
    MergeSpec spec;
    spec.thorough = thorough;
    spec.range = {"", std::string(InfiniteKey())};
    if (random() % 2 == 0) spec.range = {KeyOf(random() % 100), KeyOf(100 + random() % 200)};
    switch (random() % 3) {
      case 0:  // into a new run
        spec.inputs = {{0, 9}, {0, 8}};
        spec.target_level = 1;
        spec.target_run = 100;
        break;
      case 1:  // into one that is there
        spec.inputs = {{1, 7}, {2, 5}, {2, 4}};
        spec.target_level = 2;
        spec.target_run = 4;
        break;
      default:  // everything
        spec.inputs = {{0, 9}, {0, 8}, {1, 7}, {2, 5}, {2, 4}, {3, 2}};
        spec.target_level = 3;
        spec.target_run = 2;
    }
    const uint64_t job_size = 1 + random() % 1000;
    std::vector<JobPlan> running;
    std::vector<KeyRange> done;
    std::vector<KeyRange> claimed;
    for (int steps = 0;; ++steps) {
      ASSERT_LT(steps, 5000) << "no end";
      const auto plan = NextJob(tree.version(), spec, claimed, job_size);
      if (plan.has_value()) {
        CheckPlan(tree.version(), spec, claimed, *plan);
        for (const KeyRange& range : done) {
          EXPECT_FALSE(range.Overlaps(plan->range.begin, plan->range.end)) << "done twice";
        }
        running.push_back(*plan);
        claimed.push_back(plan->range);
      } else if (running.empty()) {
        break;
      }
      if (testing::Test::HasFailure()) return;
      while (running.size() > 2 || (!plan.has_value() && !running.empty())) {
        const auto chosen = running.begin() + static_cast<ptrdiff_t>(random() % running.size());
        tree.Install(spec, *chosen);
        done.push_back(chosen->range);
        // As the engine does: only a thorough merge remembers.
        if (!thorough) {
          std::erase_if(claimed, [&](const KeyRange& r) { return r.begin == chosen->range.begin; });
        }
        running.erase(chosen);
      }
    }
    for (const RunRef& input : spec.inputs) {
      if (input == spec.target()) continue;
      const lsm::Run* run = tree.version().FindRun(input.level, input.id);
      if (run == nullptr) continue;
      EXPECT_TRUE(run->Overlapping(spec.range.begin, spec.range.end).empty())
          << "level " << input.level << " run " << input.id;
    }
    EXPECT_TRUE(thorough || IsMergeDone(tree.version(), spec));
  }
}

TEST_P(MergePlanTest, NothingIsLeftWhereAllIsClaimed) {
  Tree tree(1);
  tree.AddRun(0, 2);
  tree.AddRun(1, 1);
  const MergeSpec spec{.inputs = {{0, 2}, {1, 1}},
                       .target_level = 1,
                       .target_run = 1,
                       .range = {"", std::string(InfiniteKey())},
                       .thorough = GetParam()};
  EXPECT_FALSE(IsMergeDone(tree.version(), spec));
  EXPECT_TRUE(NextJob(tree.version(), spec, {}, 100).has_value());
  const KeyRange all[] = {{"", "g"}, {"g", std::string(InfiniteKey())}};
  EXPECT_FALSE(NextJob(tree.version(), spec, all, 100).has_value());
}

// A slice of a few bytes would keep its whole file.
TEST(MergePlanMoveTest, ASliceThatLeavesOutMostOfItsFileIsRewritten) {
  for (const uint64_t live : {99, 100, 200}) {
    Tree tree(1);
    TableMeta table = tree.NewTable({KeyOf(0), KeyOf(20)});
    VersionEdit edit;
    edit.added_slices.push_back({0, 1, table, {KeyOf(10), KeyOf(20)}, live});
    tree.Apply(std::move(edit));
    const MergeSpec spec{.inputs = {{0, 1}},
                         .target_level = 1,
                         .target_run = 2,
                         .range = {"", std::string(InfiniteKey())}};
    const std::optional<JobPlan> plan = NextJob(tree.version(), spec, {}, 1000);
    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(plan->move, live >= table.file_size / 2) << live;
  }
}

// Jobs cut the target's tables where their own inputs end, and what is left may be a few bytes.
TEST(MergePlanMoveTest, ASliceOfTheTargetThatLeavesOutMostOfItsFileIsWork) {
  for (const uint64_t live : {99, 100}) {
    Tree tree(1);
    TableMeta table = tree.NewTable({KeyOf(0), KeyOf(20)});
    VersionEdit edit;
    edit.added_slices.push_back({1, 2, table, {KeyOf(10), KeyOf(20)}, live});
    tree.Apply(std::move(edit));
    const MergeSpec spec{.inputs = {{0, 1}, {1, 2}},
                         .target_level = 1,
                         .target_run = 2,
                         .range = {"", std::string(InfiniteKey())}};
    EXPECT_EQ(IsMergeDone(tree.version(), spec), live == 100) << live;
    const std::optional<JobPlan> plan = NextJob(tree.version(), spec, {}, 1000);
    ASSERT_EQ(plan.has_value(), live == 99);
    EXPECT_FALSE(plan.has_value() && plan->move);
  }
}

INSTANTIATE_TEST_SUITE_P(Thoroughness, MergePlanTest, testing::Bool());

}  // namespace
}  // namespace lsm
