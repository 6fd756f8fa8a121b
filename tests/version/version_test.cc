#include "lsm/version/version.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"
#include "lsm/base/write_batch.h"

namespace lsm {
namespace {

AddedSlice SliceOf(uint32_t level, uint64_t run, uint64_t table, const std::string& begin,
                   const std::string& end) {
  return WholeTable(level, run,
                    {.number = table, .file_size = 100, .entry_count = 10, .range = {begin, end}});
}

class VersionTest : public testing::Test {
 protected:
  // Never opened, so there is no directory.
  std::shared_ptr<TableCache> cache_ =
      std::make_shared<TableCache>(nullptr, TableReadOptions(), 16);

  RefPtr<const Version> Must(const Version& base, const VersionEdit& edit) {
    auto version = base.Apply(edit, cache_);
    EXPECT_TRUE(version.ok()) << version.status().ToString();
    return version.ok() ? version.Take() : RefPtr<const Version>(MakeRef<Version>());
  }
  Status Refusal(const Version& base, const VersionEdit& edit) {
    return base.Apply(edit, cache_).status();
  }
};

TEST_F(VersionTest, RunsStandNewestFirstAndSlicesAscending) {
  VersionEdit edit;
  edit.added_slices = {SliceOf(1, 3, 10, "m", "p"), SliceOf(0, 5, 11, "a", "z"),
                       SliceOf(1, 3, 12, "a", "c"), SliceOf(0, 9, 13, "b", "d"),
                       SliceOf(3, 1, 14, "a", std::string(InfiniteKey()))};
  const auto version = Must(*MakeRef<Version>(), edit);
  std::vector<std::pair<uint64_t, size_t>> runs;
  for (const lsm::Run* run : version->runs()) runs.push_back({run->id(), run->slices().size()});
  EXPECT_EQ(runs, (std::vector<std::pair<uint64_t, size_t>>{{9, 1}, {5, 1}, {3, 2}, {1, 1}}));
  EXPECT_EQ(version->levels().size(), 4u);
  EXPECT_TRUE(version->levels()[2].runs.empty());
  EXPECT_EQ(version->FindRun(1, 3)->slices()[0].table_number(), 12u);
  EXPECT_EQ(version->FindRun(1, 9), nullptr);
  EXPECT_EQ(version->FindRun(7, 3), nullptr);
  EXPECT_EQ(version->size(), 500u);
  EXPECT_EQ(version->table_count(), 5u);
  EXPECT_EQ(version->FindRun(1, 3)->entry_count(), 20u);
  // What it says of itself makes it again.
  VersionEdit state;
  state.added_slices = version->Describe();
  const auto again = Must(*MakeRef<Version>(), state);
  EXPECT_EQ(again->runs().size(), 4u);
  EXPECT_EQ(EncodeVersionEdit({.added_slices = again->Describe()}), EncodeVersionEdit(state));
}

TEST_F(VersionTest, AnEditThatDoesNotFitIsRefused) {
  VersionEdit edit;
  edit.added_slices = {SliceOf(0, 1, 10, "b", "d"), SliceOf(0, 1, 11, "f", "h")};
  const auto base = Must(*MakeRef<Version>(), edit);
  const auto refuses = [&](const VersionEdit& bad) {
    const Status status = Refusal(*base, bad);
    EXPECT_TRUE(status.ok() || status.Is(Code::kInternal)) << status.ToString();
    return !status.ok();
  };
  // Overlaps on either side, from inside and from outside; the same begin.
  for (const auto& [begin, end] :
       {std::pair("a", "c"), std::pair("c", "e"), std::pair("bb", "c"), std::pair("a", "e"),
        std::pair("e", "g"), std::pair("b", "bb"), std::pair("a", "z")}) {
    EXPECT_TRUE(refuses({.added_slices = {SliceOf(0, 1, 12, begin, end)}})) << begin;
  }
  EXPECT_FALSE(refuses({.added_slices = {SliceOf(0, 1, 12, "d", "f")}}));
  EXPECT_FALSE(refuses({.added_slices = {SliceOf(0, 2, 12, "a", "z")}}));
  // Slices that are not there: level, run, table and begin must all fit.
  EXPECT_TRUE(refuses({.removed_slices = {{1, 1, 10, "b"}}}));
  EXPECT_TRUE(refuses({.removed_slices = {{0, 2, 10, "b"}}}));
  EXPECT_TRUE(refuses({.removed_slices = {{0, 1, 11, "b"}}}));
  EXPECT_TRUE(refuses({.removed_slices = {{0, 1, 10, "c"}}}));
  EXPECT_TRUE(refuses({.removed_slices = {{0, 1, 10, "b"}, {0, 1, 10, "b"}}}));
  // A replacement takes the old away first.
  EXPECT_FALSE(refuses(
      {.removed_slices = {{0, 1, 10, "b"}}, .added_slices = {SliceOf(0, 1, 12, "a", "e")}}));
}

TEST_F(VersionTest, WhatAnEditLeavesAloneIsShared) {
  VersionEdit edit;
  edit.added_slices = {SliceOf(0, 2, 10, "a", "m"), SliceOf(0, 2, 11, "m", "z"),
                       SliceOf(1, 1, 12, "a", "z")};
  const auto base = Must(*MakeRef<Version>(), edit);
  // Table 10 is cut in two, as a merge of [c, e) does.
  AddedSlice left = SliceOf(0, 2, 10, "a", "m");
  left.range = {"a", "c"};
  AddedSlice right = left;
  right.range = {"e", "m"};
  const auto next =
      Must(*base, {.removed_slices = {{0, 2, 10, "a"}}, .added_slices = {left, right}});
  EXPECT_EQ(next->FindRun(1, 1), base->FindRun(1, 1));
  const lsm::Run* run = next->FindRun(0, 2);
  ASSERT_EQ(run->slices().size(), 3u);
  EXPECT_EQ(run->slices()[0].file.get(), base->FindRun(0, 2)->slices()[0].file.get());
  EXPECT_EQ(run->slices()[1].file.get(), run->slices()[0].file.get());
  EXPECT_TRUE(run->slices()[0].clips_end());
  EXPECT_FALSE(run->slices()[0].clips_begin());
  EXPECT_TRUE(run->slices()[1].clips_begin());
  EXPECT_EQ(next->table_count(), 3u);
  // The old version is what it was.
  EXPECT_EQ(base->FindRun(0, 2)->slices().size(), 2u);
  // A run without slices is none, and takes its empty levels along.
  const auto less = Must(*next, {.removed_slices = {{1, 1, 12, "a"}}});
  EXPECT_EQ(less->levels().size(), 1u);
  EXPECT_FALSE(less->HasTable(12));
  EXPECT_TRUE(less->HasTable(10));
}

// The searches against scans of all slices, over keys that share prefixes, are short, or have
// zeros.
TEST_F(VersionTest, SearchesAgreeWithBruteForce) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const std::string shared(seed % 3 == 0 ? 0 : random() % 20, 'p');
    const auto key = [&] {
      std::string text = random() % 20 == 0 ? "" : shared;
      for (uint64_t i = random() % 12; i > 0; --i) text.push_back("\0\1ab\xff"[random() % 5]);
      return text;
    };
    std::vector<std::string> bounds;
    for (int i = 0; i < 40; ++i) bounds.push_back(key());
    std::sort(bounds.begin(), bounds.end());
    bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());
    if (seed % 4 == 0) bounds.push_back(std::string(InfiniteKey()));
    VersionEdit edit;
    for (size_t i = 0; i + 1 < bounds.size(); ++i) {
      if (random() % 3 == 0) continue;  // a gap
      edit.added_slices.push_back(SliceOf(0, 1, i + 1, bounds[i], bounds[i + 1]));
    }
    if (edit.added_slices.empty()) continue;
    const auto version = Must(*MakeRef<Version>(), edit);
    const lsm::Run& run = *version->FindRun(0, 1);
    std::vector<std::string> probes = bounds;
    for (int i = 0; i < 200; ++i) probes.push_back(key());
    for (const std::string& bound : bounds) probes.push_back(bound + '\0');
    probes.pop_back();
    for (const std::string& probe : probes) {
      size_t expected = 0;
      while (expected < run.slices().size() && run.slices()[expected].range.end <= probe)
        ++expected;
      ASSERT_EQ(run.LowerBound(probe), expected);
      const bool holds =
          expected < run.slices().size() && run.slices()[expected].range.Contains(probe);
      ASSERT_EQ(run.Find(probe), holds ? &run.slices()[expected] : nullptr);
      const std::string& other = probes[random() % probes.size()];
      const auto [begin, end] = std::minmax(probe, other);
      if (begin == end) continue;
      size_t overlapping = 0;
      for (const Slice& slice : run.slices()) overlapping += slice.range.Overlaps(begin, end);
      const auto found = run.Overlapping(begin, end);
      ASSERT_EQ(found.size(), overlapping);
      for (const Slice& slice : found) ASSERT_TRUE(slice.range.Overlaps(begin, end));
    }
  }
}

}  // namespace
}  // namespace lsm
