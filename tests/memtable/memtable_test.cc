#include "lsm/memtable/memtable.h"

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/memtable/key_shapes.h"

namespace lsm {
namespace {

using State = MemTable::Lookup::State;

// The definition of a memtable: all versions in the order of entry.h.
struct Model {
  struct Position {
    std::string key;
    SequenceNumber sequence;
    bool operator<(const Position& other) const {
      return key != other.key ? key < other.key : sequence > other.sequence;
    }
  };
  struct Content {
    EntryKind kind;
    std::string value;
  };
  using Map = std::map<Position, Content>;
  Map entries;

  MemTable::Lookup Get(const std::string& key, SequenceNumber snapshot) const {
    const auto found = entries.lower_bound({key, snapshot});
    if (found == entries.end() || found->first.key != key) return {};
    const bool put = found->second.kind == EntryKind::kPut;
    return {put ? State::kFound : State::kDeleted, found->first.sequence, found->second.value};
  }
  Map::const_iterator Seek(const std::string& key) const {
    return entries.lower_bound({key, kMaxSequence});
  }
  // One past the wanted entry, or begin() where there is none.
  Map::const_iterator AfterSeekForPrev(const std::string& key) const {
    const auto after = entries.upper_bound({key, 0});
    return after;
  }
};

class MemTableTest : public testing::Test {
 protected:
  void SetUp() override { Reset(64 * kMiB); }
  void TearDown() override {
    table_ = nullptr;
    EpochDrain();
  }
  void Reset(uint64_t capacity) { table_ = MemTable::Create(&pool_, capacity).Take(); }

  void Apply(EntryKind kind, const std::string& key, const std::string& value) {
    ASSERT_TRUE(table_->HasRoomFor(key.size() + value.size() + 11, 1));
    ++sequence_;
    table_->Apply({kind, key, value}, sequence_);
    model_.entries[{key, sequence_}] = {kind, value};
  }
  void Put(const std::string& key, const std::string& value) { Apply(EntryKind::kPut, key, value); }
  void Delete(const std::string& key) { Apply(EntryKind::kDelete, key, ""); }
  void DeleteRange(std::string_view begin, std::string_view end) {
    table_->Apply({EntryKind::kRangeDelete, begin, end}, ++sequence_);
    tombstones_.push_back({begin, end, sequence_});
  }

  void CheckGet(const std::string& key, SequenceNumber snapshot) {
    const MemTable::Lookup wanted = model_.Get(key, snapshot);
    const MemTable::Lookup got = table_->Get(key, snapshot);
    ASSERT_EQ(got.state, wanted.state);
    ASSERT_EQ(got.sequence, wanted.sequence);
    ASSERT_EQ(got.value, wanted.value);
  }
  // `it` may be end(): then the iterator should stand on none.
  void CheckStand(const EntryIterator& iterator, Model::Map::const_iterator it) {
    ASSERT_TRUE(iterator.status().ok());
    ASSERT_EQ(iterator.valid(), it != model_.entries.end());
    if (!iterator.valid()) return;
    ASSERT_EQ(iterator.entry().key, it->first.key);
    ASSERT_EQ(iterator.entry().sequence, it->first.sequence);
    ASSERT_EQ(iterator.entry().kind, it->second.kind);
    ASSERT_EQ(iterator.entry().value, it->second.value);
  }
  void CheckWalks() {
    const auto iterator = table_->NewIterator();
    EXPECT_FALSE(iterator->valid());
    iterator->SeekFirst();
    for (auto it = model_.entries.begin(); it != model_.entries.end(); ++it) {
      ASSERT_NO_FATAL_FAILURE(CheckStand(*iterator, it));
      iterator->Next();
    }
    ASSERT_FALSE(iterator->valid());
    iterator->SeekLast();
    for (auto it = model_.entries.end(); it != model_.entries.begin();) {
      ASSERT_NO_FATAL_FAILURE(CheckStand(*iterator, --it));
      iterator->Prev();
    }
    ASSERT_FALSE(iterator->valid());
  }
  Model::Map::const_iterator BeforeOrEnd(Model::Map::const_iterator it) {
    return it == model_.entries.begin() ? model_.entries.end() : std::prev(it);
  }

  ArenaPool pool_{64 * kMiB, 2};
  RefPtr<MemTable> table_;
  SequenceNumber sequence_ = 0;
  Model model_;
  std::vector<RangeTombstone> tombstones_;
};

TEST_F(MemTableTest, Empty) {
  EXPECT_TRUE(table_->empty());
  EXPECT_EQ(table_->Get("", kMaxSequence).state, State::kAbsent);
  EXPECT_EQ(table_->Get("a", kMaxSequence).state, State::kAbsent);
  EXPECT_EQ(table_->CoveringSequence("a", kMaxSequence), 0u);
  EXPECT_LT(table_->memory_used(), 100u);
  const auto iterator = table_->NewIterator();
  iterator->SeekFirst();
  EXPECT_FALSE(iterator->valid());
  iterator->SeekLast();
  EXPECT_FALSE(iterator->valid());
  iterator->Seek("");
  EXPECT_FALSE(iterator->valid());
  iterator->SeekForPrev("x");
  EXPECT_FALSE(iterator->valid());
  EXPECT_TRUE(iterator->status().ok());
}

TEST_F(MemTableTest, VersionsOfOneKey) {
  Put("k", "one");
  Delete("k");
  Put("k", "three");
  EXPECT_EQ(table_->entry_count(), 3u);
  EXPECT_FALSE(table_->empty());
  for (SequenceNumber snapshot = 0; snapshot < 5; ++snapshot) CheckGet("k", snapshot);
  EXPECT_EQ(table_->Get("k", 0).state, State::kAbsent);
  EXPECT_EQ(table_->Get("k", 2).state, State::kDeleted);
  EXPECT_EQ(table_->Get("k", 2).sequence, 2u);
  EXPECT_EQ(table_->Get("k", kMaxSequence).value, "three");
  CheckWalks();
}

TEST_F(MemTableTest, EmptyAndLargestKeysAndValues) {
  const std::string largest(kMaxKeySize, '\xff');
  Put("", "");
  Put(largest, std::string(3 * kMiB, 'v'));
  Put(largest.substr(1), "shorter");
  Put(std::string(kMaxKeySize, '\0'), "zeroes");
  Delete("");
  for (const std::string& key : {std::string(), largest, largest.substr(1), largest.substr(2),
                                 std::string(kMaxKeySize, '\0'), std::string(1, '\0')}) {
    ASSERT_NO_FATAL_FAILURE(CheckGet(key, sequence_));
  }
  CheckWalks();
  // Longer than any key: a bound only.
  const auto iterator = table_->NewIterator();
  iterator->Seek(InfiniteKey());
  EXPECT_FALSE(iterator->valid());
  iterator->SeekForPrev(InfiniteKey());
  ASSERT_TRUE(iterator->valid());
  EXPECT_EQ(iterator->entry().key, largest);
}

TEST_F(MemTableTest, ManyVersionsCostNoMoreBackwards) {
  for (int i = 0; i < 50'000; ++i) Put("hot", std::to_string(i));
  Put("hotter", "");
  CheckWalks();
}

class MemTableModelTest : public MemTableTest,
                          public testing::WithParamInterface<std::tuple<KeyShape, uint64_t>> {};

TEST_P(MemTableModelTest, EqualsTheModel) {
  const auto [shape, seed] = GetParam();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const bool huge = shape == KeyShape::kHuge;
  KeyMaker keys(shape, seed);
  // The region comes from the pool full of another table's bytes.
  for (int i = 0; i < (huge ? 100 : 3000); ++i) Put(keys.Next(), "old bytes of another table");
  table_ = nullptr;
  EpochDrain();
  ASSERT_EQ(pool_.idle_bytes(), 64 * kMiB);
  Reset(64 * kMiB);
  ASSERT_EQ(pool_.idle_bytes(), 0u);
  model_.entries.clear();

  const auto iterator = table_->NewIterator();
  auto stand = model_.entries.cend();
  for (int step = 0; step < (huge ? 600 : 20'000); ++step) {
    const std::string key = keys.Next();
    switch (keys.Below(8)) {
      case 0:
      case 1:
        Put(key, std::string(keys.Below(40), static_cast<char>('a' + step % 26)));
        break;
      case 2:
        Delete(key);
        break;
      case 3:
        ASSERT_NO_FATAL_FAILURE(CheckGet(key, keys.Below(sequence_ + 2)));
        break;
      case 4:
        iterator->Seek(key);
        stand = model_.Seek(key);
        ASSERT_NO_FATAL_FAILURE(CheckStand(*iterator, stand));
        break;
      case 5:
        iterator->SeekForPrev(key);
        stand = BeforeOrEnd(model_.AfterSeekForPrev(key));
        ASSERT_NO_FATAL_FAILURE(CheckStand(*iterator, stand));
        break;
      default:
        // A walk to and fro from a fresh position: entries added since may or may not show.
        if (!iterator->valid()) break;
        iterator->Seek(iterator->entry().key);
        stand = model_.Seek(stand->first.key);
        for (size_t moves = keys.Below(30); moves > 0 && iterator->valid(); --moves) {
          if (keys.Below(2) == 0) {
            iterator->Next();
            ++stand;
          } else {
            iterator->Prev();
            stand = BeforeOrEnd(stand);
          }
          ASSERT_NO_FATAL_FAILURE(CheckStand(*iterator, stand));
        }
    }
  }
  ASSERT_NO_FATAL_FAILURE(CheckWalks());
  EXPECT_EQ(table_->entry_count(), model_.entries.size());
  for (const auto& [position, content] : model_.entries) {
    ASSERT_NO_FATAL_FAILURE(CheckGet(position.key, position.sequence - 1));
    ASSERT_NO_FATAL_FAILURE(CheckGet(position.key, position.sequence));
    ASSERT_NO_FATAL_FAILURE(CheckGet(position.key, kMaxSequence));
  }
}

INSTANTIATE_TEST_SUITE_P(AllShapes, MemTableModelTest,
                         testing::Combine(testing::ValuesIn(kAllKeyShapes),
                                          testing::Values(uint64_t{1}, uint64_t{2})));

// Everything that was there when the iterator was positioned is shown, in order, whatever is added.
// Keys that are prefixes of others, that are there already and that come twice in one call.
TEST_F(MemTableTest, OperationsAppliedAtOnceAreAppliedInOrder) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::array<std::string, MemTable::kOpsAtOnce> keys;
    std::array<WriteOp, MemTable::kOpsAtOnce> ops;
    const size_t count = 1 + random() % ops.size();
    for (size_t i = 0; i < count; ++i) {
      const std::string number = std::to_string(random() % 5000);
      keys[i] = number.substr(0, random() % (number.size() + 1));
      const auto kind = random() % 4 == 0 ? EntryKind::kDelete : EntryKind::kPut;
      ops[i] = {kind, keys[i], kind == EntryKind::kPut ? std::string_view("value") : ""};
      model_.entries[{keys[i], sequence_ + 1 + i}] = {kind, std::string(ops[i].value)};
    }
    table_->Apply(std::span(ops).first(count), sequence_ + 1);
    sequence_ += count;
    ASSERT_NO_FATAL_FAILURE(CheckGet(keys[0], sequence_));
  }
  CheckWalks();
}

TEST_F(MemTableTest, StandingIteratorShowsAllThatWasThere) {
  for (const KeyShape shape : kAllKeyShapes) {
    for (const bool forward : {true, false}) {
      Reset(64 * kMiB);
      model_.entries.clear();
      KeyMaker keys(shape, 11);
      const bool huge = shape == KeyShape::kHuge;
      for (int i = 0; i < (huge ? 20 : 500); ++i) Put(keys.Next(), "before");
      Model before = model_;
      const auto iterator = table_->NewIterator();
      forward ? iterator->SeekFirst() : iterator->SeekLast();
      Model::Map seen;
      Entry last;
      bool first = true;
      while (iterator->valid()) {
        const Entry entry = iterator->entry();
        if (!first) {
          ASSERT_EQ(CompareEntries(last, entry) < 0, forward);
        }
        first = false;
        last = entry;
        seen[{std::string(entry.key), entry.sequence}] = {entry.kind, std::string(entry.value)};
        for (size_t more = keys.Below(4); more > 0 && sequence_ % 50'000 != 0; --more) {
          if (model_.entries.size() < (huge ? 60u : 3000u)) Put(keys.Next(), "after");
        }
        forward ? iterator->Next() : iterator->Prev();
      }
      for (const auto& [position, content] : before.entries) {
        ASSERT_EQ(seen.count(position), 1u) << position.key;
      }
      for (const auto& [position, content] : seen) {
        ASSERT_EQ(model_.entries.at(position).value, content.value);
      }
    }
  }
}

TEST_F(MemTableTest, IteratorKeepsTheTable) {
  Put("a", "1");
  Put("b", "2");
  auto iterator = table_->NewIterator();
  PinList pins;
  iterator->SetPinList(&pins);
  table_ = nullptr;
  EpochDrain();
  iterator->SeekFirst();
  ASSERT_TRUE(iterator->valid());
  const Entry entry = iterator->entry();
  iterator = nullptr;
  EpochDrain();
  EXPECT_EQ(pool_.idle_bytes(), 0u);
  EXPECT_EQ(entry.key, "a");
  EXPECT_EQ(entry.value, "1");
  pins.clear();
  EpochDrain();
  EXPECT_EQ(pool_.idle_bytes(), 64 * kMiB);
}

TEST_F(MemTableTest, RangeTombstonesAtAnyNumber) {
  std::vector<std::string> bounds;
  for (int i = 0; i < 40; ++i) bounds.emplace_back(1 + i % 3, static_cast<char>('a' + i / 3));
  bounds.push_back("");
  std::sort(bounds.begin(), bounds.end());
  std::mt19937 random(5);
  for (int i = 0; i < 700; ++i) {
    size_t begin = random() % bounds.size();
    size_t end = random() % (bounds.size() + 1);
    if (begin > end) std::swap(begin, end);
    if (begin == end) continue;
    DeleteRange(bounds[begin], end == bounds.size() ? InfiniteKey() : bounds[end]);
    EXPECT_EQ(table_->tombstone_count(), tombstones_.size());
    const std::string key = bounds[random() % bounds.size()] + (random() % 2 == 0 ? "" : "x");
    for (const SequenceNumber snapshot :
         {SequenceNumber{0}, random() % (sequence_ + 1), sequence_, kMaxSequence}) {
      SequenceNumber wanted = 0;
      for (const RangeTombstone& t : tombstones_) {
        if (t.begin <= key && key < t.end && t.sequence <= snapshot) wanted = t.sequence;
      }
      // Asked at every other step, so that tails of different lengths are met.
      if (i % 200 < 100 || i % 2 == 0) {
        ASSERT_EQ(table_->CoveringSequence(key, snapshot), wanted);
      }
    }
  }
  EXPECT_FALSE(table_->empty());
  EXPECT_EQ(table_->entry_count(), 0u);

  std::map<SequenceNumber, std::pair<std::string, std::string>> visited;
  table_->VisitRangeTombstones([&](const RangeTombstone& t) {
    visited[t.sequence] = {std::string(t.begin), std::string(t.end)};
  });
  ASSERT_EQ(visited.size(), tombstones_.size());
  for (const RangeTombstone& t : tombstones_) {
    EXPECT_EQ(visited[t.sequence].first, t.begin);
    EXPECT_EQ(visited[t.sequence].second, t.end);
  }
}

TEST_F(MemTableTest, RangeTombstonesDoNotHideFromGet) {
  Put("k", "v");
  DeleteRange("a", "z");
  EXPECT_EQ(table_->Get("k", kMaxSequence).state, State::kFound);
  EXPECT_EQ(table_->CoveringSequence("k", kMaxSequence), 2u);
  EXPECT_EQ(table_->CoveringSequence("k", 1), 0u);
  EXPECT_EQ(table_->CoveringSequence("z", kMaxSequence), 0u);
}

}  // namespace
}  // namespace lsm
