#include "lsm/memtable/arena.h"

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace lsm {
namespace {

TEST(ArenaTest, HandsOutDisjointAlignedPieces) {
  ArenaPool pool(Arena::kMinCapacity, 0);
  auto arena = pool.NewArena(Arena::kMinCapacity).Take();
  struct Piece {
    char* begin;
    size_t size;
    char fill;
  };
  std::vector<Piece> pieces;
  const uint64_t node_sizes[] = {32, 64, 32, 32, 128, 256, 64, 32, 1088, 64};
  char fill = 0;
  for (int round = 0; round < 10; ++round) {
    for (const uint64_t size : node_sizes) {
      const ArenaOffset offset = arena->AllocateNode(size);
      EXPECT_NE(offset, 0u);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(arena->At(offset)) % (size == 32 ? 32 : 64), 0u);
      pieces.push_back({arena->At(offset), size, ++fill});
      const uint64_t entry_size = 1 + (fill & 0x3f);
      const ArenaOffset entry = arena->AllocateEntry(entry_size);
      EXPECT_NE(entry, 0u);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(arena->At(entry)) % 8, 0u);
      pieces.push_back({arena->At(entry), entry_size, ++fill});
    }
  }
  uint64_t sum = 0;
  for (const Piece& piece : pieces) {
    std::memset(piece.begin, piece.fill, piece.size);
    sum += piece.size;
  }
  for (const Piece& piece : pieces) {
    for (size_t i = 0; i < piece.size; ++i) ASSERT_EQ(piece.begin[i], piece.fill);
  }
  EXPECT_GE(arena->used(), sum);
  EXPECT_LE(arena->used(), sum + Arena::kOverhead + 7 * pieces.size() / 2);
  EXPECT_EQ(arena->used() + arena->available(), arena->capacity());
}

TEST(ArenaTest, NodesOfAllSizesWasteAtMostHalfALine) {
  ArenaPool pool(Arena::kMinCapacity, 0);
  auto arena = pool.NewArena(Arena::kMinCapacity).Take();
  const uint64_t empty = arena->used();
  uint64_t sum = 0;
  for (int i = 0; i < 400; ++i) {
    const uint64_t size = i % 3 == 0 ? 32 : i % 7 == 0 ? 128 : 64;
    arena->AllocateNode(size);
    sum += size;
    ASSERT_LE(arena->used() - empty, sum + Arena::kNodeUnit);
  }
}

TEST(ArenaTest, CanBeFilledToTheLastByte) {
  ArenaPool pool(Arena::kMinCapacity, 0);
  auto arena = pool.NewArena(Arena::kMinCapacity).Take();
  while (arena->available() >= 64) {
    std::memset(arena->At(arena->AllocateNode(32)), 1, 32);
    std::memset(arena->At(arena->AllocateEntry(32)), 2, 32);
  }
  const uint64_t rest = arena->available();
  std::memset(arena->At(arena->AllocateEntry(rest)), 3, rest);
  EXPECT_EQ(arena->available(), 0u);
}

TEST(ArenaPoolTest, RoundsCapacityUp) {
  ArenaPool pool(1, 1);
  EXPECT_EQ(pool.NewArena(1).Take()->capacity(), Arena::kMinCapacity);
  EXPECT_EQ(pool.NewArena(Arena::kMinCapacity + 1).Take()->capacity(),
            Arena::kMinCapacity + 4 * kKiB);
}

TEST(ArenaPoolTest, RefusesWhatOffsetsCannotReach) {
  ArenaPool pool(Arena::kMinCapacity, 1);
  EXPECT_EQ(pool.NewArena(Arena::kMaxCapacity + 1).status().code(), Code::kTooLarge);
}

TEST(ArenaPoolTest, RecyclesRegionsOfItsSizeUpToTheBound) {
  const uint64_t capacity = 128 * kKiB;
  ArenaPool pool(capacity, 2);
  EXPECT_EQ(pool.idle_bytes(), 0u);
  char* memory;
  {
    auto arena = pool.NewArena(capacity).Take();
    const ArenaOffset offset = arena->AllocateEntry(8);
    memory = arena->At(offset);
    memory[0] = 'x';
  }
  EXPECT_EQ(pool.idle_bytes(), capacity);
  {
    auto again = pool.NewArena(capacity).Take();
    EXPECT_EQ(pool.idle_bytes(), 0u);
    EXPECT_EQ(again->At(again->AllocateEntry(8)), memory);
    EXPECT_EQ(memory[0], 'x');
    auto second = pool.NewArena(capacity).Take();
    auto third = pool.NewArena(capacity).Take();
    auto other_size = pool.NewArena(capacity * 2).Take();
  }
  EXPECT_EQ(pool.idle_bytes(), 2 * capacity);
}

TEST(ArenaPoolTest, KeepsNothingWhereNothingMayBeKept) {
  ArenaPool pool(Arena::kMinCapacity, 0);
  pool.NewArena(Arena::kMinCapacity).Take().reset();
  EXPECT_EQ(pool.idle_bytes(), 0u);
}

}  // namespace
}  // namespace lsm
