// FileWindow: reads a file from front to back in large pieces of private memory.

#ifndef LSM_WAL_FILE_WINDOW_H_
#define LSM_WAL_FILE_WINDOW_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "lsm/base/limits.h"
#include "lsm/env/env.h"

namespace lsm::internal {

class FileWindow {
 public:
  static constexpr uint64_t kPieceSize = 1 * kMiB;

  // Forgets what it holds and turns to the first `limit` bytes of `file`, which outlives its use.
  void Open(ReadableFile* file, uint64_t limit);

  // The bytes [offset, offset + size), valid until the next call. Reads ahead, and gives memory
  // that one long range needed back with the next one. REQUIRES: the range lies below the limit.
  Status Get(uint64_t offset, uint64_t size, std::string_view* bytes);

 private:
  ReadableFile* file_ = nullptr;
  uint64_t limit_ = 0;
  std::unique_ptr<char[]> memory_;
  uint64_t capacity_ = 0;
  // What memory_ holds of the file.
  uint64_t begin_ = 0;
  uint64_t size_ = 0;
};

}  // namespace lsm::internal

#endif  // LSM_WAL_FILE_WINDOW_H_
