#include "lsm/memtable/arena.h"

#include <algorithm>
#include <utility>

namespace lsm {

namespace {

constexpr uint64_t kPageSize = 4 * kKiB;

uint64_t RegionSize(uint64_t capacity) {
  return (std::max(capacity, Arena::kMinCapacity) + kPageSize - 1) & ~(kPageSize - 1);
}

}  // namespace

Arena::Arena(std::shared_ptr<IdleRegions> home, MemoryRegion region)
    : home_(std::move(home)),
      region_(std::move(region)),
      base_(region_.data()),
      high_(region_.size()) {}

Arena::~Arena() { home_->GiveBack(std::move(region_)); }

ArenaOffset Arena::AllocateNode(uint64_t bytes) {
  constexpr uint64_t kLine = 64;
  LSM_DCHECK(bytes == kNodeUnit || bytes % kLine == 0);
  uint64_t high = high_.load(std::memory_order_relaxed);
  if (bytes == kNodeUnit && spare_node_ != 0) {
    return static_cast<ArenaOffset>(std::exchange(spare_node_, 0) / kUnit);
  }
  // The border is off the line only while there is no spare half, so at most one half is ever idle.
  if (bytes != kNodeUnit && high % kLine != 0) spare_node_ = high -= kNodeUnit;
  high -= bytes;
  LSM_DCHECK(high >= low_.load(std::memory_order_relaxed));
  high_.store(high, std::memory_order_relaxed);
  return static_cast<ArenaOffset>(high / kUnit);
}

IdleRegions::IdleRegions(uint64_t region_size, uint64_t max_count)
    : region_size_(region_size), max_count_(max_count) {
  // Reserved here because arenas end where nothing may fail.
  regions_.reserve(max_count);
}

uint64_t IdleRegions::bytes() const {
  MutexLock lock(&mutex_);
  return regions_.size() * region_size_;
}

MemoryRegion IdleRegions::Take() {
  MutexLock lock(&mutex_);
  if (regions_.empty()) return MemoryRegion();
  MemoryRegion region = std::move(regions_.back());
  regions_.pop_back();
  return region;
}

void IdleRegions::GiveBack(MemoryRegion region) {
  if (region.size() != region_size_) return;
  MutexLock lock(&mutex_);
  if (regions_.size() < max_count_) regions_.push_back(std::move(region));
}

ArenaPool::ArenaPool(uint64_t capacity, uint64_t max_idle)
    : idle_(std::make_shared<IdleRegions>(RegionSize(capacity), max_idle)) {}

Result<std::unique_ptr<Arena>> ArenaPool::NewArena(uint64_t capacity) {
  if (capacity > Arena::kMaxCapacity) {
    return Status(Code::kTooLarge, "a memtable holds at most 16 GiB");
  }
  const uint64_t size = RegionSize(capacity);
  MemoryRegion region;
  if (size == idle_->region_size()) region = idle_->Take();
  if (region.data() == nullptr) {
    LSM_ASSIGN_OR_RETURN(region, MemoryRegion::Map(size));
  }
  return std::make_unique<Arena>(idle_, std::move(region));
}

}  // namespace lsm
