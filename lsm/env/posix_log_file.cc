#include "lsm/env/posix_log_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

#include "lsm/base/limits.h"
#include "lsm/env/env_status.h"

namespace lsm::internal {
namespace {

constexpr uint64_t kWindowSize = 2 * kMiB;
// Blocks are allocated, and zeros written, in pieces: a signal then costs one piece, not all of
// them.
constexpr uint64_t kAllocationPiece = 4 * kMiB;
constexpr uint64_t kZeroPiece = 256 * kKiB;
// A buffer that a large record needed is not kept for small ones.
constexpr uint64_t kMaxIdleBuffer = kMiB;

void PunchHole(int fd, uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  // Where that is not possible, the file is only larger than it had to be.
  (void)RetryOnEintr([&] {
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(begin),
                     static_cast<off_t>(end - begin));
  });
}

class MappedLogFile final : public LogFile {
 public:
  MappedLogFile(RegularFile file, std::string path)
      : fd_(std::move(file.fd)), page_size_(static_cast<uint64_t>(sysconf(_SC_PAGESIZE))) {
    path_ = std::move(path);
    size_ = file.size;
  }
  ~MappedLogFile() override { Unmap(); }

  Result<char*> Reserve(uint64_t offset, size_t size) override {
    // Wraps to more than any size where the offset is below the window.
    const uint64_t at = offset - window_begin_;
    if (at <= window_size_ && size <= window_size_ - at) [[likely]]
      return window_ + at;
    LSM_RETURN_IF_ERROR(MoveWindow(offset, size));
    return window_ + (offset - window_begin_);
  }

  Status Commit(uint64_t, size_t) override { return Status::Ok(); }

  // What is dirty in the file is what was appended since the last sync, which is the range asked
  // for: syncing the file costs the same as msync of the range and needs no mapping that Reserve
  // might take away.
  Status Sync(uint64_t, uint64_t) override { return SyncData(fd_.get(), path_); }
  void ReleaseTail(uint64_t offset) override { PunchHole(fd_.get(), offset, size_); }

 private:
  [[gnu::noinline]] Status MoveWindow(uint64_t offset, uint64_t size) {
    LSM_RETURN_IF_ERROR(CheckLogRange(path_, offset, size, size_));
    const uint64_t begin = offset & ~(page_size_ - 1);
    const uint64_t end =
        std::min(size_, (offset + size + kWindowSize - 1) / kWindowSize * kWindowSize);
    void* window = mmap(nullptr, end - begin, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(),
                        static_cast<off_t>(begin));
    if (window == MAP_FAILED) return Status::FromErrno(errno, "map", path_, offset);
    Unmap();
    window_ = static_cast<char*>(window);
    window_begin_ = begin;
    window_size_ = end - begin;
    return Status::Ok();
  }

  void Unmap() {
    if (window_size_ > 0) munmap(window_, window_size_);
  }

  const FileDescriptor fd_;
  const uint64_t page_size_;
  char* window_ = nullptr;
  uint64_t window_begin_ = 0;
  uint64_t window_size_ = 0;
};

class BufferedLogFile final : public LogFile {
 public:
  BufferedLogFile(RegularFile file, std::string path) : fd_(std::move(file.fd)) {
    path_ = std::move(path);
    size_ = file.size;
  }

  Result<char*> Reserve(uint64_t offset, size_t size) override {
    LSM_RETURN_IF_ERROR(CheckLogRange(path_, offset, size, size_));
    if (size > capacity_ || (capacity_ > kMaxIdleBuffer && size <= kMaxIdleBuffer)) {
      buffer_.reset();
      capacity_ = 0;
      const uint64_t capacity = std::max<uint64_t>(size, kMaxIdleBuffer);
      buffer_.reset(new (std::nothrow) char[capacity]);
      if (buffer_ == nullptr) return Status::OutOfMemory();
      capacity_ = capacity;
    }
    return buffer_.get();
  }

  Status Commit(uint64_t offset, size_t size) override {
    return WriteFully(fd_.get(), offset, std::string_view(buffer_.get(), size), path_);
  }

  Status Sync(uint64_t, uint64_t) override { return SyncData(fd_.get(), path_); }
  void ReleaseTail(uint64_t offset) override { PunchHole(fd_.get(), offset, size_); }

 private:
  const FileDescriptor fd_;
  std::unique_ptr<char[]> buffer_;
  uint64_t capacity_ = 0;
};

// Whether allocated blocks are written in place.
Result<bool> WritesInPlace(int fd, std::string_view path) {
  struct statfs info;
  if (RetryOnEintr([&] { return fstatfs(fd, &info); }) != 0) {
    return Status::FromErrno(errno, "statfs", path);
  }
  return info.f_type == EXT4_SUPER_MAGIC || info.f_type == XFS_SUPER_MAGIC ||
         info.f_type == TMPFS_MAGIC;
}

// False where the file system cannot.
Result<bool> AllocateBlocks(int fd, uint64_t size, std::string_view path) {
  for (uint64_t begin = 0; begin < size; begin += kAllocationPiece) {
    const uint64_t piece = std::min(kAllocationPiece, size - begin);
    if (RetryOnEintr([&] {
          return fallocate(fd, 0, static_cast<off_t>(begin), static_cast<off_t>(piece));
        }) == 0) {
      continue;
    }
    if (errno == EOPNOTSUPP || errno == ENOSYS) return false;
    return Status::FromErrno(errno, "allocate", path, begin);
  }
  return true;
}

}  // namespace

Result<LogAccess> AllocateLog(int fd, uint64_t old_size, uint64_t size, std::string_view path) {
  size = std::max(size, old_size);
  // Old bytes too: a copy of the file may have holes.
  LSM_ASSIGN_OR_RETURN(const bool allocated, AllocateBlocks(fd, size, path));
  if (allocated) {
    LSM_ASSIGN_OR_RETURN(const bool in_place, WritesInPlace(fd, path));
    return in_place ? LogAccess::kMapped : LogAccess::kBuffered;
  }
  const std::string zeros(std::min(kZeroPiece, size - old_size), '\0');
  for (uint64_t offset = old_size; offset < size; offset += zeros.size()) {
    const std::string_view piece = std::string_view(zeros).substr(0, size - offset);
    LSM_RETURN_IF_ERROR(WriteFully(fd, offset, piece, path));
  }
  return LogAccess::kBuffered;
}

std::unique_ptr<LogFile> NewPosixLogFile(RegularFile file, std::string path, LogAccess access) {
  if (access == LogAccess::kMapped) {
    return std::make_unique<MappedLogFile>(std::move(file), std::move(path));
  }
  return std::make_unique<BufferedLogFile>(std::move(file), std::move(path));
}

}  // namespace lsm::internal
