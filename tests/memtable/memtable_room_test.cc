// Invariant 4 of memtable.h: what HasRoomFor() accepted fits, and what it refuses is refused for a
// reason.

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/memtable/memtable.h"

namespace lsm {
namespace {

// Applies whole batches until one is refused. Every byte of the arena beyond the region's end would
// be a fault, and overlap of nodes with entries would break the walk at the end.
class RoomTest : public testing::Test {
 protected:
  void TearDown() override {
    table_ = nullptr;
    EpochDrain();
  }
  void Reset(uint64_t capacity) {
    table_ = MemTable::Create(&pool_, capacity).Take();
    sequence_ = 0;
  }
  // False where there is no room.
  bool Apply(const WriteBatch& batch) {
    if (!table_->HasRoomFor(batch.bytes().size(), batch.count())) return false;
    const uint64_t before = table_->memory_used();
    const uint64_t room = table_->capacity() - before;
    BatchReader reader(batch.bytes());
    WriteOp op;
    while (reader.Next(&op)) table_->Apply(op, ++sequence_);
    EXPECT_TRUE(reader.ok());
    // used() would wrap if both ends had met.
    EXPECT_GE(table_->memory_used(), before);
    EXPECT_LE(table_->memory_used() - before, room);
    return true;
  }
  void CheckWhole() {
    uint64_t entries = 0;
    const auto iterator = table_->NewIterator();
    std::string last;
    SequenceNumber last_sequence = 0;
    for (iterator->SeekFirst(); iterator->valid(); iterator->Next(), ++entries) {
      const Entry& entry = iterator->entry();
      if (entries > 0) {
        ASSERT_TRUE(last < entry.key || (last == entry.key && last_sequence > entry.sequence));
      }
      last = entry.key;
      last_sequence = entry.sequence;
    }
    EXPECT_EQ(entries, table_->entry_count());
    uint64_t tombstones = 0;
    table_->VisitRangeTombstones([&](const RangeTombstone& tombstone) {
      EXPECT_LT(tombstone.begin, tombstone.end);
      ++tombstones;
    });
    EXPECT_EQ(tombstones, table_->tombstone_count());
  }

  ArenaPool pool_{Arena::kMinCapacity, 0};
  RefPtr<MemTable> table_;
  SequenceNumber sequence_ = 0;
};

std::string RandomKey(std::mt19937& random, size_t longest) {
  std::string key(random() % (longest + 1), '\0');
  for (char& c : key) c = static_cast<char>(random());
  return key;
}

TEST_F(RoomTest, BatchesOfOddSizesFillTheArenaToTheBrim) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    Reset(Arena::kMinCapacity + random() % 5 * 4096);
    const size_t longest_key = 1 + seed % 5;
    const size_t largest_value = seed % 3 * 7;
    const size_t largest_batch = 1 + seed % 7 * 20;
    int refused = 0;
    while (refused < 20) {
      WriteBatch batch;
      const size_t count = 1 + random() % largest_batch;
      for (size_t i = 0; i < count; ++i) {
        std::string key = RandomKey(random, longest_key);
        switch (random() % 6) {
          case 0:
            ASSERT_TRUE(batch.Delete(key).ok());
            break;
          case 1:
            ASSERT_TRUE(batch
                            .DeleteRange(key, random() % 2 == 0 ? std::string_view(key + "\xff")
                                                                : InfiniteKey())
                            .ok());
            break;
          default:
            ASSERT_TRUE(batch.Put(key, std::string(random() % (largest_value + 1), 'v')).ok());
        }
      }
      if (!Apply(batch)) ++refused;
    }
    CheckWhole();
  }
}

TEST_F(RoomTest, SingleOperationsUseNearlyAll) {
  Reset(Arena::kMinCapacity);
  std::mt19937 random(1);
  for (;;) {
    WriteBatch batch;
    ASSERT_TRUE(batch.Put(RandomKey(random, 8), "value").ok());
    if (!Apply(batch)) break;
  }
  // At most the largest node, and the entry.
  EXPECT_LT(table_->capacity() - table_->memory_used(), 1088u + 128u);
  CheckWhole();
}

// The worst that deposits have to pay for: every node full, then one more child each, in one batch.
TEST_F(RoomTest, EveryNodeGrowsInOneBatch) {
  for (const int full : {4, 10, 23, 48}) {
    SCOPED_TRACE(full);
    constexpr int kNodes = 400;
    std::vector<WriteBatch> filling;
    WriteBatch growing;
    for (int node = 0; node < kNodes; ++node) {
      for (int child = 0; child <= full; ++child) {
        const char key[] = {static_cast<char>(node / 256), static_cast<char>(node),
                            static_cast<char>(child * 5)};
        if (child < full) filling.emplace_back();
        WriteBatch& batch = child < full ? filling.back() : growing;
        ASSERT_TRUE(batch.Put(std::string_view(key, sizeof(key)), "").ok());
      }
    }
    // In arenas of less and less room, until it is too little.
    uint64_t capacity = 3 * kMiB;
    bool accepted;
    do {
      capacity -= capacity / 64;
      ASSERT_GT(capacity, Arena::kMinCapacity);
      Reset(capacity);
      for (const WriteBatch& batch : filling) ASSERT_TRUE(Apply(batch));
      accepted = Apply(growing);
      CheckWhole();
    } while (accepted);
  }
}

TEST_F(RoomTest, ArenaBytesForIsEnoughForTheBatchInAnEmptyTable) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    WriteBatch batch;
    const size_t count = 1 + random() % 20'000;
    // All children of a few nodes, a chain of prefixes, long keys, versions of one key: by turns.
    for (size_t i = 0; i < count; ++i) {
      std::string key;
      switch (seed % 4) {
        case 0:
          key = RandomKey(random, 2);
          break;
        case 1:
          key.assign(random() % 500, 'a');
          break;
        case 2:
          key = std::string(random() % 64, 'p') + RandomKey(random, 3);
          break;
        default:
          break;
      }
      ASSERT_TRUE((random() % 4 == 0 ? batch.Delete(key) : batch.Put(key, "v")).ok());
    }
    const uint64_t bound = MemTable::ArenaBytesFor(batch.bytes().size(), batch.count());
    Reset(bound);
    EXPECT_TRUE(Apply(batch));
    EXPECT_LE(table_->memory_used(), bound);
    CheckWhole();
  }
}

TEST_F(RoomTest, LargestOperationsFit) {
  WriteBatch batch;
  ASSERT_TRUE(batch.Put(std::string(kMaxKeySize, 'k'), std::string(20 * kMiB, 'v')).ok());
  ASSERT_TRUE(batch.DeleteRange(std::string(kMaxKeySize, 'a'), std::string(kMaxKeySize, 'b')).ok());
  ASSERT_TRUE(batch.DeleteRange("", InfiniteKey()).ok());
  Reset(MemTable::ArenaBytesFor(batch.bytes().size(), batch.count()));
  EXPECT_TRUE(Apply(batch));
  EXPECT_FALSE(table_->HasRoomFor(batch.bytes().size(), batch.count()));
  CheckWhole();
}

TEST_F(RoomTest, TinyBuffersStillHoldEntries) {
  Reset(kMinWriteBufferSize);
  int entries = 0;
  while (table_->memory_used() < kMinWriteBufferSize) {
    WriteBatch batch;
    ASSERT_TRUE(batch.Put("key" + std::to_string(entries), "value").ok());
    ASSERT_TRUE(Apply(batch));
    ++entries;
  }
  EXPECT_GT(entries, 50);
}

TEST_F(RoomTest, TooLargeIsRefused) {
  EXPECT_EQ(MemTable::Create(&pool_, Arena::kMaxCapacity + 1).status().code(), Code::kTooLarge);
}

}  // namespace
}  // namespace lsm
