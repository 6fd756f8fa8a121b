#include "lsm/cache/block_cache.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/base/limits.h"

namespace lsm {
namespace {

using Key = BlockCache::Key;

// A block that says which key it is of, in every word, so that a wrong, freed or half-written one
// shows.
uint64_t WordOf(Key key) { return key.table_number * 0x9e3779b97f4a7c15u + key.offset; }

RefPtr<MemoryBlock> MakeBlock(Key key, uint64_t words = 8) {
  RefPtr<MemoryBlock> block = MemoryBlock::Allocate(words * 8);
  for (uint64_t i = 0; i < words; ++i) {
    const uint64_t word = WordOf(key);
    std::memcpy(block->data() + i * 8, &word, 8);
  }
  return block;
}

bool IsBlockOf(const MemoryBlock& block, Key key) {
  const uint64_t expected = WordOf(key);
  for (uint64_t at = 0; at < block.size(); at += 8) {
    if (std::memcmp(block.data() + at, &expected, 8) != 0) return false;
  }
  return true;
}

bool Has(BlockCache* cache, Key key) {
  const EpochGuard guard;
  const MemoryBlock* block = cache->Lookup(key);
  EXPECT_TRUE(block == nullptr || IsBlockOf(*block, key));
  return block != nullptr;
}

TEST(MemoryBlock, SizesAndAlignment) {
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{100}, 4 * kMiB}) {
    const RefPtr<MemoryBlock> block = MemoryBlock::Allocate(size);
    ASSERT_TRUE(block);
    EXPECT_EQ(block->size(), size);
    EXPECT_EQ(block->charge(), size + sizeof(MemoryBlock));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block->data()) % 16, 0u);
    std::memset(block->data(), 0xab, size);
  }
}

TEST(MemoryBlock, AbsurdSizesAreOutOfMemory) {
  for (const uint64_t size : {UINT64_MAX, UINT64_MAX - sizeof(MemoryBlock) + 1,
                              UINT64_MAX - sizeof(MemoryBlock), uint64_t{1} << 62}) {
    EXPECT_FALSE(MemoryBlock::Allocate(size)) << size;
  }
}

TEST(BlockCache, FindsWhatWasInserted) {
  BlockCache cache(kMiB);
  EXPECT_EQ(cache.capacity(), kMiB);
  EXPECT_FALSE(Has(&cache, {1, 0}));
  const RefPtr<MemoryBlock> block = MakeBlock({1, 0});
  cache.Insert({1, 0}, block);
  EXPECT_EQ(cache.usage(), block->charge());
  const EpochGuard guard;
  EXPECT_EQ(cache.Lookup({1, 0}), block.get());
  EXPECT_EQ(cache.Lookup({0, 1}), nullptr);
  EXPECT_EQ(cache.Lookup({1, 1}), nullptr);
  EXPECT_EQ(cache.hits(), 1u);
  EXPECT_EQ(cache.misses(), 3u);
}

TEST(BlockCache, TheFirstBlockOfAKeyStays) {
  BlockCache cache(kMiB);
  const RefPtr<MemoryBlock> first = MakeBlock({1, 0});
  cache.Insert({1, 0}, first);
  cache.Insert({1, 0}, MakeBlock({1, 0}, 100));
  const EpochGuard guard;
  EXPECT_EQ(cache.Lookup({1, 0}), first.get());
  EXPECT_EQ(cache.usage(), first->charge());
}

TEST(BlockCache, WithoutCapacityCachesNothing) {
  BlockCache cache(0);
  cache.Insert({1, 0}, MakeBlock({1, 0}, 0));
  EXPECT_FALSE(Has(&cache, {1, 0}));
  cache.EraseTable(1);
  EXPECT_EQ(cache.usage(), 0u);
}

TEST(BlockCache, TakesABlockOfExactlyTheCapacityAndNoneLarger) {
  const uint64_t words = 100;
  BlockCache cache(words * 8 + sizeof(MemoryBlock));
  cache.Insert({1, 0}, MakeBlock({1, 0}));
  cache.Insert({1, 1}, MakeBlock({1, 1}, words + 1));
  EXPECT_TRUE(Has(&cache, {1, 0}));
  EXPECT_FALSE(Has(&cache, {1, 1}));
  cache.Insert({1, 2}, MakeBlock({1, 2}, words));
  EXPECT_TRUE(Has(&cache, {1, 2}));
  EXPECT_FALSE(Has(&cache, {1, 0}));
  EXPECT_EQ(cache.usage(), cache.capacity());
}

// Without eviction the cache is a map.
TEST(BlockCache, IsAMapWhileThereIsRoom) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  BlockCache cache(64 * kMiB);
  std::map<std::pair<uint64_t, uint64_t>, const MemoryBlock*> model;
  uint64_t usage = 0;
  for (int step = 0; step < 30'000; ++step) {
    const Key key{random() % 40, random() % 1000 * 4096};
    if (random() % 2000 == 0) {
      std::erase_if(model, [&](const auto& entry) {
        if (entry.first.first != key.table_number) return false;
        usage -= entry.second->charge();
        return true;
      });
      cache.EraseTable(key.table_number);
    } else if (random() % 2 == 0) {
      const RefPtr<MemoryBlock> block = MakeBlock(key, random() % 10);
      cache.Insert(key, block);
      if (model.emplace(std::pair(key.table_number, key.offset), block.get()).second) {
        usage += block->charge();
      }
    } else {
      const EpochGuard guard;
      const auto found = model.find({key.table_number, key.offset});
      ASSERT_EQ(cache.Lookup(key), found == model.end() ? nullptr : found->second);
    }
    ASSERT_EQ(cache.usage(), usage);
  }
  ASSERT_LT(usage, cache.capacity());
  for (uint64_t table = 0; table < 40; ++table) {
    for (uint64_t offset = 0; offset < 1000; ++offset) {
      ASSERT_EQ(Has(&cache, {table, offset * 4096}), model.contains({table, offset * 4096}));
    }
  }
}

// With eviction it holds a part of that map, within the capacity, and counts just that part.
TEST(BlockCache, HoldsAPartThatFits) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  // The last one has two shards.
  const std::pair<uint64_t, uint64_t> capacities_and_words[] = {
      {300, 50}, {10'000, 50}, {200'000, 50}, {17 * kMiB, 2000}};
  for (const auto& [capacity, words] : capacities_and_words) {
    BlockCache cache(capacity);
    const uint64_t keys = capacity / (2 * words) + 10;  // about twice as many as fit
    std::map<uint64_t, uint64_t> last_charge;
    for (uint64_t step = 0; step < 5 * keys; ++step) {
      const Key key{7, random() % keys};
      if (Has(&cache, key)) continue;
      const RefPtr<MemoryBlock> block = MakeBlock(key, random() % words);
      cache.Insert(key, block);
      ASSERT_LE(cache.usage(), capacity);
      if (block->charge() > capacity) continue;
      ASSERT_TRUE(Has(&cache, key)) << "just inserted";
      last_charge[key.offset] = block->charge();
    }
    uint64_t usage = 0;
    for (const auto& [offset, charge] : last_charge) usage += Has(&cache, {7, offset}) ? charge : 0;
    EXPECT_EQ(cache.usage(), usage);
    EXPECT_GE(usage + 2 * (words * 8 + sizeof(MemoryBlock)), capacity) << "no room is wasted";
    cache.EraseTable(7);
    EXPECT_EQ(cache.usage(), 0u);
  }
}

TEST(BlockCache, WhatIsLookedUpOutlivesWhatIsNot) {
  constexpr uint64_t kBlocks = 100;
  BlockCache cache(kBlocks * (64 + sizeof(MemoryBlock)));
  for (uint64_t i = 0; i < kBlocks; ++i) cache.Insert({1, i}, MakeBlock({1, i}));
  // Ten are looked up between any two inserts: the hand always finds others to take.
  for (uint64_t i = 0; i < 20 * kBlocks; ++i) {
    for (uint64_t hot = 0; hot < 10; ++hot) ASSERT_TRUE(Has(&cache, {1, hot})) << "after " << i;
    cache.Insert({2, i}, MakeBlock({2, i}));
  }
}

TEST(BlockCache, EvictionEndsThoughEveryBlockIsMarked) {
  constexpr uint64_t kBlocks = 100;
  BlockCache cache(kBlocks * (64 + sizeof(MemoryBlock)));
  for (uint64_t i = 0; i < 5 * kBlocks; ++i) {
    cache.Insert({1, i}, MakeBlock({1, i}));
    for (uint64_t j = 0; j <= i; ++j) Has(&cache, {1, j});
  }
  EXPECT_EQ(cache.usage(), cache.capacity());
}

TEST(BlockCache, ABorrowedBlockIsReadableUntilTheGuardEnds) {
  BlockCache cache(1000);
  cache.Insert({1, 0}, MakeBlock({1, 0}));
  const EpochGuard guard;
  const MemoryBlock* block = cache.Lookup({1, 0});
  ASSERT_NE(block, nullptr);
  cache.EraseTable(1);
  // Enough of them that the epoch domain collects.
  for (uint64_t i = 0; i < 1000; ++i) cache.Insert({2, i}, MakeBlock({2, i}));
  EXPECT_TRUE(IsBlockOf(*block, {1, 0}));
  EXPECT_FALSE(block->TryRef());
}

TEST(BlockCache, APinnedBlockOutlivesEvictionAndTheCache) {
  RefPtr<const MemoryBlock> pinned;
  {
    BlockCache cache(1000);
    cache.Insert({1, 0}, MakeBlock({1, 0}));
    {
      const EpochGuard guard;
      const MemoryBlock* block = cache.Lookup({1, 0});
      ASSERT_TRUE(block != nullptr && block->TryRef());
      pinned = RefPtr<const MemoryBlock>::Adopt(block);
    }
    for (uint64_t i = 0; i < 1000; ++i) cache.Insert({2, i}, MakeBlock({2, i}));
    EXPECT_FALSE(Has(&cache, {1, 0}));
    EpochDrain();
    EXPECT_TRUE(IsBlockOf(*pinned, {1, 0}));
  }
  EpochDrain();
  EXPECT_TRUE(IsBlockOf(*pinned, {1, 0}));
}

// Erased slots must not fill the table, nor break the probes that lead past them.
TEST(BlockCache, SurvivesEndlessTurnover) {
  BlockCache cache(200 * (64 + sizeof(MemoryBlock)));
  for (uint64_t i = 0; i < 50'000; ++i) {
    cache.Insert({i % 3, i}, MakeBlock({i % 3, i}));
    ASSERT_TRUE(Has(&cache, {i % 3, i}));
    if (i % 1000 == 0) cache.EraseTable(i % 3);
  }
}

// Deleting what was retired may call the cache, as a table does that is gone.
TEST(BlockCache, MayBeCalledByWhatItsEvictionsDelete) {
  struct Table final : Retirable {
    Table(BlockCache* cache, uint64_t number, int* deleted)
        : cache(cache), number(number), deleted(deleted) {}
    ~Table() override {
      cache->EraseTable(number);
      ++*deleted;
    }
    BlockCache* cache;
    uint64_t number;
    int* deleted;
  };
  BlockCache cache(1000);
  int deleted = 0;
  for (uint64_t i = 0; i < 500; ++i) {
    {
      const EpochGuard guard;
      EpochRetire(new Table(&cache, i, &deleted));
    }
    cache.Insert({i, 0}, MakeBlock({i, 0}));
  }
  EpochDrain();
  EXPECT_EQ(deleted, 500);
}

TEST(BlockCache, CountsTheLookupsOfManyThreads) {
  BlockCache cache(kMiB);
  cache.Insert({1, 0}, MakeBlock({1, 0}));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache] {
      const EpochGuard guard;
      for (int i = 0; i < 1000; ++i) {
        cache.Lookup({1, 0});
        cache.Lookup({1, 1});
        cache.Lookup({1, 2});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cache.hits(), 4000u);
  EXPECT_EQ(cache.misses(), 8000u);
}

// Room for one block only: nearly every lookup that finds it is the first to mark it, and meets the
// insert that puts another block into its slot.
TEST(BlockCache, LookupsMeetTheChangeOfTheirSlot) {
  constexpr uint64_t kKeys = 3;
  constexpr int kInserts = 50'000;
  BlockCache cache(64 + sizeof(MemoryBlock));
  std::atomic<bool> done{false};
  std::atomic<uint64_t> damaged{0};
  std::atomic<uint64_t> found{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&] {
      for (uint64_t i = 0; !done; ++i) {
        const Key key{1, i % kKeys};
        const EpochGuard guard;
        const MemoryBlock* block = cache.Lookup(key);
        if (block == nullptr) continue;
        ++found;
        if (!IsBlockOf(*block, key)) ++damaged;
      }
    });
  }
  for (uint64_t i = 0; i < kInserts; ++i) cache.Insert({1, i % kKeys}, MakeBlock({1, i % kKeys}));
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(damaged, 0u);
  EXPECT_EQ(found, cache.hits());
}

// Readers, inserters and erasers at once: whatever is found is whole and of its key, the capacity
// holds, and at the end the books agree with what is there. In the small cache every slot changes
// all the time.
class BlockCacheThreads : public testing::TestWithParam<uint64_t> {};

TEST_P(BlockCacheThreads, ReadersInsertersAndErasersAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kSteps = 20'000;
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  BlockCache cache(GetParam());
  const uint64_t tables = 5;
  const uint64_t offsets = GetParam() / 200;
  std::atomic<uint64_t> damaged{0};
  std::atomic<uint64_t> over_capacity{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(seed + static_cast<uint64_t>(t));
      std::vector<std::pair<Key, RefPtr<const MemoryBlock>>> pins(16);
      for (int step = 0; step < kSteps; ++step) {
        const Key key{random() % tables, random() % offsets};
        if (random() % 2000 == 0) cache.EraseTable(key.table_number);
        bool found = false;
        {
          const EpochGuard guard;
          const MemoryBlock* block = cache.Lookup(key);
          found = block != nullptr;
          if (found && !IsBlockOf(*block, key)) ++damaged;
          if (found && random() % 8 == 0 && block->TryRef()) {
            auto& pin = pins[random() % pins.size()];
            if (pin.second && !IsBlockOf(*pin.second, pin.first)) ++damaged;
            pin = {key, RefPtr<const MemoryBlock>::Adopt(block)};
          }
        }
        if (!found) cache.Insert(key, MakeBlock(key, random() % 20));
        if (cache.usage() > cache.capacity()) ++over_capacity;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(damaged, 0u);
  EXPECT_EQ(over_capacity, 0u);
  EXPECT_GT(cache.hits(), 0u);

  uint64_t usage = 0;
  {
    const EpochGuard guard;
    for (uint64_t table = 0; table < tables; ++table) {
      for (uint64_t offset = 0; offset < offsets; ++offset) {
        const MemoryBlock* block = cache.Lookup({table, offset});
        if (block == nullptr) continue;
        EXPECT_TRUE(IsBlockOf(*block, {table, offset}));
        usage += block->charge();
      }
    }
  }
  EXPECT_EQ(cache.usage(), usage);
  for (uint64_t table = 0; table < tables; ++table) cache.EraseTable(table);
  EXPECT_EQ(cache.usage(), 0u);
  EpochDrain();
}
INSTANTIATE_TEST_SUITE_P(Capacities, BlockCacheThreads, testing::Values(1'000, 60'000));

}  // namespace
}  // namespace lsm
