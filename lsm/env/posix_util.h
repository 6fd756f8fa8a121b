// What the POSIX files share: descriptors, and the calls whose interruptions and partial results
// nobody else should have to think of.

#ifndef LSM_ENV_POSIX_UTIL_H_
#define LSM_ENV_POSIX_UTIL_H_

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "lsm/base/status.h"

namespace lsm::internal {

// Repeats a system call (a function that returns -1 and sets errno) while a signal interrupts it.
template <typename Call>
auto RetryOnEintr(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

// Owns a file descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    FileDescriptor taken(std::move(other));
    std::swap(fd_, taken.fd_);
    return *this;
  }
  ~FileDescriptor() { Close(); }

  int get() const { return fd_; }
  // 0 or an errno. Once only: the descriptor is gone after a failure, too.
  int Close();
  // Leaves the descriptor to the caller.
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// openat(2), O_CLOEXEC added. The descriptor is never 0, 1 or 2: a host that closed those still
// prints to them, and would print into our file. `path` is for the message.
Result<FileDescriptor> OpenAt(int directory, const std::string& name, int flags,
                              std::string_view path);

struct RegularFile {
  FileDescriptor fd;
  uint64_t size = 0;
};

// Opens (with O_CREAT: makes, mode 0600) a regular file. Anything else is kCorruption, and at once:
// a FIFO is not waited for. A symlink is refused where `flags` hold O_NOFOLLOW.
Result<RegularFile> OpenRegularFile(int directory, const std::string& name, int flags,
                                    std::string_view path);

// Reads [offset, offset + size); kCorruption where the file ends before.
Status ReadFully(int fd, uint64_t offset, size_t size, char* buffer, std::string_view path);
Status WriteFully(int fd, uint64_t offset, std::string_view bytes, std::string_view path);
Status SyncData(int fd, std::string_view path);

}  // namespace lsm::internal

#endif  // LSM_ENV_POSIX_UTIL_H_
