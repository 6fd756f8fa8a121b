#include "lsm/iterator/merging_iterator.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"
#include "tests/iterator/model_walk.h"
#include "tests/iterator/vector_iterator.h"

namespace lsm {
namespace {

using Sources = std::vector<std::vector<MemRow>>;

// All rows in the order of the merge: as entries stand, and of equal ones the earlier source's
// first.
std::vector<MemRow> ModelOf(const Sources& sources) {
  std::vector<MemRow> rows;
  for (const auto& source : sources) rows.insert(rows.end(), source.begin(), source.end());
  std::stable_sort(rows.begin(), rows.end(), StandsBefore);
  return rows;
}

std::unique_ptr<EntryIterator> Merge(const Sources& sources, size_t shared_prefix_size = 0) {
  std::vector<std::unique_ptr<EntryIterator>> iterators;
  for (const auto& source : sources) iterators.push_back(std::make_unique<VectorIterator>(source));
  return NewMergingIterator(std::move(iterators), shared_prefix_size);
}

struct Shape {
  size_t sources;
  size_t shared_prefix;
};

class MergingIteratorTest : public testing::TestWithParam<Shape> {
 protected:
  // Keys that are prefixes of each other, with zeros, longer and shorter than eight bytes.
  std::string RandomKey(std::mt19937_64* random) {
    std::string key(GetParam().shared_prefix, 'p');
    const uint64_t size = (*random)() % 4 == 0 ? 8 + (*random)() % 3 : (*random)() % 3;
    for (uint64_t i = 0; i < size; ++i) key.push_back("\0ab\xff"[(*random)() % (i < 8 ? 3 : 4)]);
    return key;
  }

  Sources RandomSources(std::mt19937_64* random) {
    Sources sources(GetParam().sources);
    for (size_t s = 0; s < sources.size(); ++s) {
      for (uint64_t i = (*random)() % 30; i > 0; --i) {
        // Sequences are drawn from so few that sources share them.
        sources[s].push_back({RandomKey(random), (*random)() % 6,
                              (*random)() % 4 == 0 ? EntryKind::kDelete : EntryKind::kPut,
                              "of source " + std::to_string(s)});
      }
      auto& rows = sources[s];
      std::sort(rows.begin(), rows.end(), StandsBefore);
      const auto same = [](const MemRow& a, const MemRow& b) {
        return a.key == b.key && a.sequence == b.sequence;
      };
      rows.erase(std::unique(rows.begin(), rows.end(), same), rows.end());
    }
    return sources;
  }
};

TEST_P(MergingIteratorTest, AllMovesAgreeWithTheModel) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const Sources sources = RandomSources(&random);
    const std::vector<MemRow> model = ModelOf(sources);
    const auto iterator = Merge(sources, GetParam().shared_prefix);
    WalkAtRandom(iterator.get(), model, &random, [&] {
      const std::string key = RandomKey(&random);
      return random() % 10 == 0 ? key.substr(0, key.size() / 2) : key;
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, MergingIteratorTest,
                         testing::Values(Shape{0, 0}, Shape{1, 0}, Shape{2, 0}, Shape{2, 5},
                                         Shape{3, 0}, Shape{3, 11}, Shape{17, 0}, Shape{17, 8}));

MemRow Put(const std::string& key, SequenceNumber sequence, const std::string& value) {
  return {key, sequence, EntryKind::kPut, value};
}

TEST(MergeTest, OfEqualEntriesTheEarlierSourceGoesFirst) {
  const auto iterator =
      Merge({{Put("k", 7, "first")}, {Put("k", 7, "second")}, {Put("k", 7, "third")}});
  std::string forward;
  for (iterator->SeekFirst(); iterator->valid(); iterator->Next()) {
    forward += std::string(iterator->entry().value) + " ";
  }
  EXPECT_EQ(forward, "first second third ");
  std::string backward;
  for (iterator->SeekLast(); iterator->valid(); iterator->Prev()) {
    backward += std::string(iterator->entry().value) + " ";
  }
  EXPECT_EQ(backward, "third second first ");
}

// The middle source fails on its key "e".
std::unique_ptr<EntryIterator> MergeWithFailure() {
  std::vector<std::unique_ptr<EntryIterator>> sources;
  sources.push_back(std::make_unique<VectorIterator>(
      std::vector<MemRow>{Put("a", 1, ""), Put("d", 1, ""), Put("f", 1, ""), Put("z", 1, "")}));
  sources.push_back(std::make_unique<VectorIterator>(
      std::vector<MemRow>{Put("b", 1, ""), Put("e", 1, ""), Put("g", 1, "")}, /*fail_at=*/1));
  sources.push_back(
      std::make_unique<VectorIterator>(std::vector<MemRow>{Put("c", 1, ""), Put("h", 1, "")}));
  return NewMergingIterator(std::move(sources));
}

TEST(MergeTest, AFailingSourceFailsTheMergeAtOnceUntilTheNextSeek) {
  const auto iterator = MergeWithFailure();
  iterator->SeekFirst();
  ASSERT_TRUE(iterator->valid());
  EXPECT_EQ(iterator->entry().key, "a");
  iterator->Next();
  ASSERT_TRUE(iterator->valid());
  EXPECT_EQ(iterator->entry().key, "b");
  // Its next row might have come before "c".
  iterator->Next();
  EXPECT_FALSE(iterator->valid());
  EXPECT_TRUE(iterator->status().Is(Code::kIoError));
  EXPECT_FALSE(iterator->valid()) << "asking does not change it";
  // A seek that does not meet the row goes well; one that does, fails.
  iterator->Seek("f");
  ASSERT_TRUE(iterator->valid());
  EXPECT_TRUE(iterator->status().ok());
  EXPECT_EQ(iterator->entry().key, "f");
  iterator->Next();
  ASSERT_TRUE(iterator->valid());
  EXPECT_EQ(iterator->entry().key, "g");
  iterator->Seek("c");
  EXPECT_TRUE(iterator->status().Is(Code::kIoError));
  iterator->SeekForPrev("e");
  EXPECT_TRUE(iterator->status().Is(Code::kIoError));
  EXPECT_FALSE(iterator->valid());
}

TEST(MergeTest, AFailureBackwardsAndAtATurnIsNoEnd) {
  const auto iterator = MergeWithFailure();
  iterator->SeekLast();
  while (iterator->valid()) {
    ASSERT_GT(iterator->entry().key, "e") << "rows behind the one that cannot be read";
    iterator->Prev();
  }
  EXPECT_TRUE(iterator->status().Is(Code::kIoError));
  // Turning at "f" asks the failing source for the row before "g".
  iterator->Seek("f");
  ASSERT_TRUE(iterator->valid());
  iterator->Prev();
  EXPECT_FALSE(iterator->valid());
  EXPECT_TRUE(iterator->status().Is(Code::kIoError));
}

TEST(MergeTest, HandsThePinListToAllSources) {
  std::vector<std::unique_ptr<EntryIterator>> sources;
  std::vector<VectorIterator*> watched;
  for (int i = 0; i < 3; ++i) {
    auto source = std::make_unique<VectorIterator>(std::vector<MemRow>{Put("k", 1, "")});
    watched.push_back(source.get());
    sources.push_back(std::move(source));
  }
  const auto iterator = NewMergingIterator(std::move(sources));
  PinList pins;
  iterator->SetPinList(&pins);
  for (const VectorIterator* source : watched) EXPECT_EQ(source->pins(), &pins);
  iterator->SetPinList(nullptr);
  for (const VectorIterator* source : watched) EXPECT_EQ(source->pins(), nullptr);
}

}  // namespace
}  // namespace lsm
