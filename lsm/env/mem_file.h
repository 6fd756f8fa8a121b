// A file in memory, and the Env's file classes over it. It belongs to all who hold it, as an inode
// does: removed or renamed, it stays what it is for those who have it open.

#ifndef LSM_ENV_MEM_FILE_H_
#define LSM_ENV_MEM_FILE_H_

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "lsm/base/sync.h"
#include "lsm/env/env.h"

namespace lsm::internal {

// Bytes never move under those who look at them: where a file needs more room it takes a larger
// buffer and leaves the old one to them. Any thread may use it.
class MemFile {
 public:
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  struct Buffer {
    std::unique_ptr<char[], Free> bytes;
    uint64_t capacity = 0;
  };
  struct View {
    std::shared_ptr<Buffer> buffer;
    uint64_t size = 0;
  };

  uint64_t size() const;
  Status Append(std::string_view bytes);
  // With zeros, to `size` at least; its buffer is of just its size then.
  Status GrowTo(uint64_t size);
  // What is in the file now.
  View Look() const;
  // The same in a buffer of just that size, so that a sanitizer sees who reads beyond the end.
  Result<View> LookExactly();

 private:
  // What is behind the file's bytes in a new buffer. Without zeros it is aligned as mappings are.
  enum class Filling { kNone, kZeros };

  Status Reallocate(uint64_t capacity, Filling filling) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::shared_ptr<Buffer> buffer_ ABSL_GUARDED_BY(mutex_) = std::make_shared<Buffer>();
  uint64_t size_ ABSL_GUARDED_BY(mutex_) = 0;
};

std::unique_ptr<ReadableFile> NewMemReadableFile(std::shared_ptr<MemFile> file, std::string path);
std::unique_ptr<WritableFile> NewMemWritableFile(std::shared_ptr<MemFile> file, std::string path);
std::unique_ptr<LogFile> NewMemLogFile(std::shared_ptr<MemFile> file, std::string path);

}  // namespace lsm::internal

#endif  // LSM_ENV_MEM_FILE_H_
