#include "lsm/env/memory.h"

#include <unistd.h>

#include <cstdint>
#include <utility>

#include "lsm/base/limits.h"
#include "tests/env/env_test_util.h"

namespace lsm {
namespace {

TEST(MemoryRegionTest, IsZeroAlignedAndAllThere) {
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  for (const uint64_t size :
       {uint64_t{1}, page, page + 1, 2 * kMiB - 1, 2 * kMiB, 2 * kMiB + 1, 5 * kMiB, 64 * kMiB}) {
    Result<MemoryRegion> region = MemoryRegion::Map(size);
    ASSERT_OK(region.status());
    EXPECT_GE(region->size(), size);
    EXPECT_LT(region->size(), size + page);
    EXPECT_EQ(region->size() % page, 0u);
    const uint64_t alignment = size >= 2 * kMiB ? 2 * kMiB : page;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(region->data()) % alignment, 0u);
    for (uint64_t i = 0; i < region->size(); i += 512) {
      ASSERT_EQ(region->data()[i], 0);
      region->data()[i] = 1;
    }
    region->data()[region->size() - 1] = 1;
  }
}

TEST(MemoryRegionTest, MovesAndDoesNotFreeTwice) {
  Result<MemoryRegion> first = MemoryRegion::Map(kMiB);
  ASSERT_OK(first.status());
  char* const data = first->data();
  data[0] = 'a';
  MemoryRegion moved = first.Take();
  EXPECT_EQ(first->data(), nullptr);
  EXPECT_EQ(first->size(), 0u);
  EXPECT_EQ(moved.data(), data);
  Result<MemoryRegion> second = MemoryRegion::Map(kMiB);
  ASSERT_OK(second.status());
  *second = std::move(moved);
  EXPECT_EQ(second->data(), data);
  EXPECT_EQ(moved.data(), nullptr);
  EXPECT_EQ(second->data()[0], 'a');
}

TEST(MemoryRegionTest, NothingIsNothing) {
  Result<MemoryRegion> region = MemoryRegion::Map(0);
  ASSERT_OK(region.status());
  EXPECT_EQ(region->data(), nullptr);
  EXPECT_EQ(region->size(), 0u);
}

TEST(MemoryRegionTest, TooMuchIsOutOfMemoryAndMayBeTriedAgain) {
  for (const uint64_t size : {uint64_t{1} << 60, uint64_t{1} << 63, UINT64_MAX}) {
    const Status status = MemoryRegion::Map(size).status();
    EXPECT_TRUE(status.Is(Code::kOutOfMemory)) << status.ToString();
    EXPECT_TRUE(status.retryable());
  }
}

}  // namespace
}  // namespace lsm
