#include "lsm/env/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lsm/base/limits.h"

namespace lsm {
namespace {

constexpr uint64_t kHugePageSize = 2 * kMiB;

uint64_t RoundUp(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

Status Refused(uint64_t size) {
  return Status::FromErrno(ENOMEM, absl::StrCat("map ", size, " bytes of memory"), "");
}

}  // namespace

Result<MemoryRegion> MemoryRegion::Map(uint64_t size) {
  MemoryRegion region;
  if (size == 0) return region;
  // No address space is that large, and below it sums do not overflow.
  if (size > uint64_t{1} << 62) return Refused(size);
  const uint64_t rounded = RoundUp(size, static_cast<uint64_t>(sysconf(_SC_PAGESIZE)));
  const bool huge = rounded >= kHugePageSize;
  const uint64_t mapped = huge ? rounded + kHugePageSize : rounded;
  void* const start = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) return Refused(size);

  region.data_ = static_cast<char*>(start);
  region.size_ = rounded;
  if (huge) {
    const uint64_t address = reinterpret_cast<uintptr_t>(start);
    const uint64_t before = RoundUp(address, kHugePageSize) - address;
    const uint64_t after = kHugePageSize - before;
    region.data_ += before;
    if (before > 0) munmap(start, before);
    if (after > 0) munmap(region.data_ + rounded, after);
    // A hint: without huge pages the region is only slower.
    madvise(region.data_, rounded, MADV_HUGEPAGE);
  }
  return region;
}

MemoryRegion::MemoryRegion(MemoryRegion&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MemoryRegion& MemoryRegion::operator=(MemoryRegion&& other) noexcept {
  MemoryRegion taken(std::move(other));
  std::swap(data_, taken.data_);
  std::swap(size_, taken.size_);
  return *this;
}

MemoryRegion::~MemoryRegion() {
  if (size_ > 0) munmap(data_, size_);
}

}  // namespace lsm
