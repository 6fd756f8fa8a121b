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

Arena::Arena(ArenaPool* pool, MemoryRegion region)
    : pool_(pool), region_(std::move(region)), base_(region_.data()), high_(region_.size()) {}

Arena::~Arena() { pool_->GiveBack(std::move(region_)); }

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

ArenaPool::ArenaPool(uint64_t capacity, uint64_t max_idle)
    : region_size_(RegionSize(capacity)), max_idle_(max_idle) {
  // Reserved here because arenas end where nothing may fail.
  idle_.reserve(max_idle);
}

Result<std::unique_ptr<Arena>> ArenaPool::NewArena(uint64_t capacity) {
  if (capacity > Arena::kMaxCapacity) {
    return Status(Code::kTooLarge, "a memtable holds at most 16 GiB");
  }
  const uint64_t size = RegionSize(capacity);
  MemoryRegion region;
  if (size == region_size_) {
    absl::MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      region = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (region.data() == nullptr) {
    LSM_ASSIGN_OR_RETURN(region, MemoryRegion::Map(size));
  }
  return std::make_unique<Arena>(this, std::move(region));
}

uint64_t ArenaPool::idle_bytes() const {
  absl::MutexLock lock(&mutex_);
  return idle_.size() * region_size_;
}

void ArenaPool::GiveBack(MemoryRegion region) {
  if (region.size() != region_size_) return;
  absl::MutexLock lock(&mutex_);
  if (idle_.size() < max_idle_) idle_.push_back(std::move(region));
}

}  // namespace lsm
