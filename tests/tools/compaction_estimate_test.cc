#include "tools/cli/compaction_estimate.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

namespace lsm::cli {
namespace {

AddedSlice Slice(uint64_t table, std::string begin, std::string end, uint64_t size) {
  AddedSlice slice;
  slice.table.number = table;
  slice.range = {std::move(begin), std::move(end)};
  slice.size = size;
  return slice;
}

// Two slices of one table, and a table over both.
ManifestState Tree() {
  ManifestState state;
  state.slices = {Slice(1, "a", "c", 100), Slice(1, "m", "p", 50), Slice(2, "b", "n", 1000)};
  return state;
}

KeyBounds Bounds(std::optional<std::string> from, std::optional<std::string> to) {
  KeyBounds bounds;
  bounds.from = std::move(from);
  bounds.to = std::move(to);
  return bounds;
}

TEST(CompactionEstimateTest, Everything) {
  const CompactionEstimate estimate = EstimateCompaction(Tree(), 0, KeyBounds(), 1150);
  EXPECT_EQ(estimate.tables, 2u);
  EXPECT_EQ(estimate.bytes_to_read, 1150u);
  EXPECT_EQ(estimate.bytes_to_write, 1150u);
  EXPECT_EQ(estimate.peak_extra_bytes, 1150u);
  EXPECT_TRUE(estimate.fits());
  EXPECT_FALSE(EstimateCompaction(Tree(), 0, KeyBounds(), 1149).fits());
}

TEST(CompactionEstimateTest, OnlyWhatTheRangeTouches) {
  EXPECT_EQ(EstimateCompaction(Tree(), 0, Bounds({}, "b"), 0).bytes_to_read, 100u);
  EXPECT_EQ(EstimateCompaction(Tree(), 0, Bounds("n", {}), 0).bytes_to_read, 50u);
  EXPECT_EQ(EstimateCompaction(Tree(), 0, Bounds("c", "m"), 0).bytes_to_read, 1000u);
  EXPECT_EQ(EstimateCompaction(Tree(), 0, Bounds("p", {}), 0).tables, 0u);
  KeyBounds contradiction;
  contradiction.empty = true;
  EXPECT_EQ(EstimateCompaction(Tree(), 0, contradiction, 0).bytes_to_read, 0u);
}

TEST(CompactionEstimateTest, TheLogIsFlushedAndThenMerged) {
  const CompactionEstimate estimate = EstimateCompaction(ManifestState(), 30, KeyBounds(), 0);
  EXPECT_EQ(estimate.bytes_to_read, 30u);
  EXPECT_EQ(estimate.bytes_to_write, 60u);
  EXPECT_FALSE(estimate.fits());
}

}  // namespace
}  // namespace lsm::cli
