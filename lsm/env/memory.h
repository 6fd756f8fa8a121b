// Anonymous memory in large pieces straight from the operating system, on huge pages where it has
// them.

#ifndef LSM_ENV_MEMORY_H_
#define LSM_ENV_MEMORY_H_

#include <cstdint>

#include "lsm/base/status.h"

namespace lsm {

// Zero-filled memory, aligned to 2 MiB where it is at least that large. Address space is taken at
// once, pages when they are first touched. Moves, does not copy; freed when destroyed.
class MemoryRegion {
 public:
  // kOutOfMemory (retryable) where the system refuses. `size` is rounded up to whole pages.
  static Result<MemoryRegion> Map(uint64_t size);

  MemoryRegion() = default;
  MemoryRegion(MemoryRegion&& other) noexcept;
  MemoryRegion& operator=(MemoryRegion&& other) noexcept;
  ~MemoryRegion();

  char* data() const { return data_; }
  uint64_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace lsm

#endif  // LSM_ENV_MEMORY_H_
