#include "lsm/env/posix_files.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "lsm/env/env_status.h"

namespace lsm::internal {
namespace {

// Not MADV_RANDOM, with which each missing page is a read of its own: the kernel reads around a
// page that is missing, and leaves off by itself where that does not pay.
class PosixFileMapping final : public FileMapping {
 public:
  PosixFileMapping(void* data, uint64_t size) {
    data_ = static_cast<const char*>(data);
    size_ = size;
  }
  ~PosixFileMapping() override {
    if (size_ > 0) munmap(base(), size_);
  }

  void Prefetch(uint64_t offset, uint64_t size) override {
    if (offset >= size_) return;
    const uint64_t end = offset + std::min(size, size_ - offset);
    const uint64_t begin = offset & ~(static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) - 1);
    madvise(base() + begin, end - begin, MADV_WILLNEED);
  }

 private:
  char* base() const { return const_cast<char*>(data_); }
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(RegularFile file, std::string path) : fd_(std::move(file.fd)) {
    path_ = std::move(path);
    size_ = file.size;
  }

  Status Read(uint64_t offset, size_t size, char* buffer) override {
    LSM_RETURN_IF_ERROR(CheckReadRange(path_, offset, size, size_));
    return ReadFully(fd_.get(), offset, size, buffer, path_);
  }

  Result<std::unique_ptr<FileMapping>> Map() override {
    void* data = nullptr;
    if (size_ > 0) {
      data = mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd_.get(), 0);
      if (data == MAP_FAILED) return Status::FromErrno(errno, "map", path_);
    }
    return std::unique_ptr<FileMapping>(std::make_unique<PosixFileMapping>(data, size_));
  }

  Status Sync() override { return SyncData(fd_.get(), path_); }

  uint64_t SkipHole(uint64_t offset) override {
    const off_t data = lseek(fd_.get(), static_cast<off_t>(offset), SEEK_DATA);
    if (data >= 0) return std::min(static_cast<uint64_t>(data), size_);
    // Nothing but a hole up to the end.
    return errno == ENXIO ? size_ : offset;
  }

 private:
  const FileDescriptor fd_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(FileDescriptor fd, std::string path) : fd_(std::move(fd)) {
    path_ = std::move(path);
  }

  Status Append(std::string_view bytes) override {
    LSM_RETURN_IF_ERROR(WriteFully(fd_.get(), size_, bytes, path_));
    size_ += bytes.size();
    return Status::Ok();
  }

  Status Sync() override { return SyncData(fd_.get(), path_); }

  Status Close() override {
    const int errnum = fd_.Close();
    return errnum == 0 ? Status::Ok() : Status::FromErrno(errnum, "close", path_);
  }

 private:
  FileDescriptor fd_;
};

}  // namespace

std::unique_ptr<ReadableFile> NewPosixReadableFile(RegularFile file, std::string path) {
  return std::make_unique<PosixReadableFile>(std::move(file), std::move(path));
}

std::unique_ptr<WritableFile> NewPosixWritableFile(FileDescriptor fd, std::string path) {
  return std::make_unique<PosixWritableFile>(std::move(fd), std::move(path));
}

}  // namespace lsm::internal
