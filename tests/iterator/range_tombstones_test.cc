#include "lsm/iterator/range_tombstones.h"

#include <algorithm>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/base/write_batch.h"

namespace lsm {
namespace {

// The definition itself.
SequenceNumber ModelCoveringSequence(const std::vector<RangeTombstone>& tombstones,
                                     std::string_view key, SequenceNumber snapshot) {
  SequenceNumber newest = 0;
  for (const RangeTombstone& tombstone : tombstones) {
    if (tombstone.begin <= key && key < tombstone.end && tombstone.sequence <= snapshot) {
      newest = std::max(newest, tombstone.sequence);
    }
  }
  return newest;
}

// Keys of every short length over two letters, so that bounds meet, touch and are prefixes of each
// other.
class KeyPool {
 public:
  explicit KeyPool(size_t longest) {
    keys_.emplace_back();
    for (size_t first = 0, length = 1; length <= longest; ++length) {
      const size_t end = keys_.size();
      for (; first < end; ++first) {
        keys_.push_back(keys_[first] + '\0');
        keys_.push_back(keys_[first] + '\xff');
      }
    }
    std::sort(keys_.begin(), keys_.end());
  }
  const std::deque<std::string>& keys() const { return keys_; }
  std::string_view operator[](size_t i) const { return keys_[i]; }
  size_t size() const { return keys_.size(); }

 private:
  std::deque<std::string> keys_;
};

void CheckFragments(const std::vector<RangeTombstone>& tombstones,
                    const FragmentedRangeTombstones& fragmented) {
  std::string_view previous_end;
  for (const auto& fragment : fragmented.fragments()) {
    ASSERT_LE(previous_end, fragment.begin);
    ASSERT_LT(fragment.begin, fragment.end);
    ASSERT_EQ(fragment.newest, ModelCoveringSequence(tombstones, fragment.begin, kMaxSequence));
    ASSERT_GT(fragment.newest, 0u);
    previous_end = fragment.end;
  }
}

std::vector<RangeTombstone> RandomTombstones(const KeyPool& pool, std::mt19937_64& random) {
  std::vector<RangeTombstone> tombstones(random() % 40);
  for (RangeTombstone& tombstone : tombstones) {
    const size_t begin = random() % pool.size();
    const size_t end = begin + 1 + random() % (pool.size() - begin);
    const bool infinite = end == pool.size() || random() % 8 == 0;
    tombstone = {pool[begin], infinite ? InfiniteKey() : pool[end], 1 + random() % 30};
  }
  return tombstones;
}

TEST(FragmentedRangeTombstones, EmptyCoversNothing) {
  const FragmentedRangeTombstones none;
  EXPECT_TRUE(none.empty());
  EXPECT_TRUE(none.fragments().empty());
  EXPECT_EQ(none.Find(""), nullptr);
  EXPECT_EQ(none.CoveringSequence("a", kMaxSequence), 0u);
  RangeTombstoneCursor cursor(&none, kMaxSequence);
  EXPECT_EQ(cursor.CoveringSequence("a"), 0u);
  EXPECT_EQ(cursor.CoveringSequence(""), 0u);
  EXPECT_TRUE(FragmentedRangeTombstones(std::span<const RangeTombstone>()).empty());
}

TEST(FragmentedRangeTombstones, BeginIsCoveredAndEndIsNot) {
  const std::vector<RangeTombstone> tombstones = {{"b", "d", 7}};
  const FragmentedRangeTombstones fragmented(tombstones);
  EXPECT_EQ(fragmented.CoveringSequence("azzz", 9), 0u);
  EXPECT_EQ(fragmented.CoveringSequence("b", 9), 7u);
  EXPECT_EQ(fragmented.CoveringSequence("b", 7), 7u);
  EXPECT_EQ(fragmented.CoveringSequence("b", 6), 0u);
  EXPECT_EQ(fragmented.CoveringSequence("czzz", 9), 7u);
  EXPECT_EQ(fragmented.CoveringSequence("d", 9), 0u);
}

TEST(FragmentedRangeTombstones, InfiniteEndCoversTheLargestKey) {
  const std::string largest(kMaxKeySize, '\xff');
  const std::vector<RangeTombstone> tombstones = {{"b", InfiniteKey(), 7}, {"", "c", 5}};
  const FragmentedRangeTombstones fragmented(tombstones);
  EXPECT_EQ(fragmented.CoveringSequence(largest, kMaxSequence), 7u);
  EXPECT_EQ(fragmented.CoveringSequence("", kMaxSequence), 5u);
  RangeTombstoneCursor cursor(&fragmented, kMaxSequence);
  EXPECT_EQ(cursor.CoveringSequence(largest), 7u);
  EXPECT_EQ(cursor.fragment_end(), InfiniteKey());
  EXPECT_EQ(cursor.CoveringSequence(""), 5u);
}

TEST(FragmentedRangeTombstones, AnswersAsTheDefinitionDoes) {
  const KeyPool pool(5);
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    const std::vector<RangeTombstone> tombstones = RandomTombstones(pool, random);
    const FragmentedRangeTombstones fragmented(tombstones);
    ASSERT_NO_FATAL_FAILURE(CheckFragments(tombstones, fragmented));
    for (const std::string& key : pool.keys()) {
      const auto* fragment = fragmented.Find(key);
      ASSERT_EQ(fragment != nullptr, ModelCoveringSequence(tombstones, key, kMaxSequence) > 0);
      for (SequenceNumber snapshot = 0; snapshot < 32; ++snapshot) {
        const SequenceNumber expected = ModelCoveringSequence(tombstones, key, snapshot);
        ASSERT_EQ(fragmented.CoveringSequence(key, snapshot), expected);
        if (fragment != nullptr) {
          ASSERT_EQ(fragmented.CoveringSequence(*fragment, snapshot), expected);
        }
      }
    }
  }
}

TEST(RangeTombstoneCursor, AnswersAsTheDefinitionDoesWhereverItGoes) {
  const KeyPool pool(5);
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    const std::vector<RangeTombstone> tombstones = RandomTombstones(pool, random);
    const FragmentedRangeTombstones fragmented(tombstones);
    const SequenceNumber snapshot = random() % 32;
    RangeTombstoneCursor cursor(&fragmented, snapshot);
    size_t position = random() % pool.size();
    for (int step = 0; step < 300; ++step) {
      // Mostly to a neighbour, either way; sometimes far.
      switch (random() % 8) {
        case 0:
          position = random() % pool.size();
          break;
        case 1:
        case 2:
        case 3:
          position = std::max<size_t>(position, 1) - 1;
          break;
        default:
          position = std::min(position + 1, pool.size() - 1);
      }
      const std::string_view key = pool[position];
      const SequenceNumber covering = cursor.CoveringSequence(key);
      ASSERT_EQ(covering, ModelCoveringSequence(tombstones, key, snapshot));
      if (covering != 0) {
        const auto* fragment = fragmented.Find(key);
        ASSERT_NE(fragment, nullptr);
        ASSERT_EQ(cursor.fragment_begin(), fragment->begin);
        ASSERT_EQ(cursor.fragment_end(), fragment->end);
      }
    }
  }
}

// n nested ranges have n^2 pairs of a fragment and a tombstone that covers it: 80 GB if they were
// listed.
TEST(FragmentedRangeTombstones, NestedRangesTakeLittleMemory) {
  constexpr uint64_t kCount = 100'000;
  const auto key = [](uint64_t i) {
    const std::string digits = std::to_string(i);
    return std::string(8 - digits.size(), '0') + digits;
  };
  std::deque<std::string> ends;
  std::vector<RangeTombstone> tombstones;
  for (uint64_t i = 1; i <= kCount; ++i) {
    ends.push_back(key(i));
    tombstones.push_back({"", ends.back(), i});
  }
  const FragmentedRangeTombstones fragmented(tombstones);
  ASSERT_EQ(fragmented.fragments().size(), kCount);
  // Key k is covered by the tombstones k + 1, k + 2, ...
  for (uint64_t k = 0; k < kCount; k += 997) {
    EXPECT_EQ(fragmented.CoveringSequence(key(k), kMaxSequence), kCount);
    EXPECT_EQ(fragmented.CoveringSequence(key(k), k + 1), k + 1);
    EXPECT_EQ(fragmented.CoveringSequence(key(k), k), 0u);
  }
  EXPECT_EQ(fragmented.CoveringSequence(key(kCount), kMaxSequence), 0u);
}

}  // namespace
}  // namespace lsm
