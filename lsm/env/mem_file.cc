#include "lsm/env/mem_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "lsm/env/env_status.h"

namespace lsm::internal {
namespace {

class MemFileMapping final : public FileMapping {
 public:
  explicit MemFileMapping(MemFile::View view) : buffer_(std::move(view.buffer)) {
    data_ = view.size > 0 ? buffer_->bytes.get() : nullptr;
    size_ = view.size;
  }

  void Prefetch(uint64_t, uint64_t) override {}

 private:
  const std::shared_ptr<MemFile::Buffer> buffer_;
};

class MemReadableFile final : public ReadableFile {
 public:
  MemReadableFile(std::shared_ptr<MemFile> file, std::string path) : file_(std::move(file)) {
    path_ = std::move(path);
    size_ = file_->size();
  }

  Status Read(uint64_t offset, size_t size, char* buffer) override {
    LSM_RETURN_IF_ERROR(CheckReadRange(path_, offset, size, size_));
    const MemFile::View view = file_->Look();
    if (size > 0) std::memcpy(buffer, view.buffer->bytes.get() + offset, size);
    return Status::Ok();
  }

  Result<std::unique_ptr<FileMapping>> Map() override {
    LSM_ASSIGN_OR_RETURN(MemFile::View view, file_->LookExactly());
    view.size = size_;
    return std::unique_ptr<FileMapping>(std::make_unique<MemFileMapping>(std::move(view)));
  }

  Status Sync() override { return Status::Ok(); }

 private:
  const std::shared_ptr<MemFile> file_;
};

class MemWritableFile final : public WritableFile {
 public:
  MemWritableFile(std::shared_ptr<MemFile> file, std::string path) : file_(std::move(file)) {
    path_ = std::move(path);
  }

  Status Append(std::string_view bytes) override {
    LSM_RETURN_IF_ERROR(file_->Append(bytes));
    size_ += bytes.size();
    return Status::Ok();
  }
  Status Sync() override { return Status::Ok(); }
  Status Close() override { return Status::Ok(); }

 private:
  const std::shared_ptr<MemFile> file_;
};

// Written where it lies, as a mapped segment is.
class MemLogFile final : public LogFile {
 public:
  MemLogFile(std::shared_ptr<MemFile> file, std::string path)
      : file_(std::move(file)), buffer_(file_->Look().buffer) {
    path_ = std::move(path);
    size_ = file_->size();
  }

  Result<char*> Reserve(uint64_t offset, size_t size) override {
    LSM_RETURN_IF_ERROR(CheckLogRange(path_, offset, size, size_));
    return buffer_->bytes.get() + offset;
  }
  Status Commit(uint64_t, size_t) override { return Status::Ok(); }
  Status Sync(uint64_t, uint64_t) override { return Status::Ok(); }

 private:
  const std::shared_ptr<MemFile> file_;
  const std::shared_ptr<MemFile::Buffer> buffer_;
};

}  // namespace

uint64_t MemFile::size() const {
  MutexLock lock(&mutex_);
  return size_;
}

Status MemFile::Reallocate(uint64_t capacity, Filling filling) {
  auto buffer = std::make_shared<Buffer>();
  if (capacity > 0) {
    void* bytes = nullptr;
    if (filling == Filling::kZeros) {
      // A large segment's zeros cost nothing until they are touched.
      bytes = std::calloc(capacity, 1);
    } else if (posix_memalign(&bytes, FileMapping::kAlignment, capacity) != 0) {
      bytes = nullptr;
    }
    if (bytes == nullptr) return Status::OutOfMemory();
    buffer->bytes.reset(static_cast<char*>(bytes));
    buffer->capacity = capacity;
    if (size_ > 0) std::memcpy(buffer->bytes.get(), buffer_->bytes.get(), size_);
  }
  buffer_ = std::move(buffer);
  return Status::Ok();
}

Status MemFile::Append(std::string_view bytes) {
  MutexLock lock(&mutex_);
  if (bytes.empty()) return Status::Ok();
  const uint64_t needed = size_ + bytes.size();
  if (needed > buffer_->capacity) {
    LSM_RETURN_IF_ERROR(Reallocate(std::max(needed, 2 * size_), Filling::kNone));
  }
  std::memcpy(buffer_->bytes.get() + size_, bytes.data(), bytes.size());
  size_ = needed;
  return Status::Ok();
}

Status MemFile::GrowTo(uint64_t size) {
  MutexLock lock(&mutex_);
  size = std::max(size, size_);
  if (buffer_->capacity != size) {
    LSM_RETURN_IF_ERROR(Reallocate(size, Filling::kZeros));
  }
  size_ = size;
  return Status::Ok();
}

MemFile::View MemFile::Look() const {
  MutexLock lock(&mutex_);
  return {.buffer = buffer_, .size = size_};
}

Result<MemFile::View> MemFile::LookExactly() {
  MutexLock lock(&mutex_);
  if (buffer_->capacity != size_) {
    LSM_RETURN_IF_ERROR(Reallocate(size_, Filling::kNone));
  }
  return View{.buffer = buffer_, .size = size_};
}

std::unique_ptr<ReadableFile> NewMemReadableFile(std::shared_ptr<MemFile> file, std::string path) {
  return std::make_unique<MemReadableFile>(std::move(file), std::move(path));
}

std::unique_ptr<WritableFile> NewMemWritableFile(std::shared_ptr<MemFile> file, std::string path) {
  return std::make_unique<MemWritableFile>(std::move(file), std::move(path));
}

std::unique_ptr<LogFile> NewMemLogFile(std::shared_ptr<MemFile> file, std::string path) {
  return std::make_unique<MemLogFile>(std::move(file), std::move(path));
}

}  // namespace lsm::internal
