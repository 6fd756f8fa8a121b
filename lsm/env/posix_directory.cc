#include "lsm/env/posix_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <utility>

#include "lsm/env/env_status.h"
#include "lsm/env/posix_files.h"
#include "lsm/env/posix_log_file.h"

namespace lsm::internal {
namespace {

struct CloseStream {
  void operator()(DIR* stream) const { closedir(stream); }
};

class PosixDirectory final : public Directory {
 public:
  PosixDirectory(FileDescriptor fd, std::string path)
      : fd_(std::move(fd)), fork_generation_(ForkGeneration()) {
    path_ = std::move(path);
  }

  // Children that were forked meanwhile share the description, so that closing it here would not
  // let go of the lock; nor may a child let go of its parent's.
  ~PosixDirectory() override {
    if (locked_ && fork_generation_ == ForkGeneration()) flock(fd_.get(), LOCK_UN);
  }

  Status Lock(LockKind kind) override;
  Result<std::vector<DirectoryEntry>> List() override;
  Result<std::unique_ptr<ReadableFile>> OpenForReading(std::string_view name) override;
  Result<std::unique_ptr<WritableFile>> Create(std::string_view name) override;
  Result<std::unique_ptr<LogFile>> CreateLog(std::string_view name, uint64_t size) override;
  Result<std::unique_ptr<LogFile>> ReuseLog(std::string_view old_name, std::string_view new_name,
                                            uint64_t size) override;
  Status Rename(std::string_view from, std::string_view to) override;
  Status Remove(std::string_view name) override;
  Status Sync() override { return SyncDirectory(fd_.get(), path_); }
  Result<uint64_t> FreeBytes() override;

 private:
  Result<RegularFile> Open(std::string_view name, int flags) {
    LSM_RETURN_IF_ERROR(CheckName(name));
    return OpenRegularFile(fd_.get(), std::string(name), flags | O_NOFOLLOW, PathOf(name));
  }

  const FileDescriptor fd_;
  const uint32_t fork_generation_;
  bool locked_ = false;
};

Status PosixDirectory::Lock(LockKind kind) {
  // Converting a lock is not atomic: a failure would lose the one that was held.
  if (locked_) return AlreadyLocked(path_);
  const int operation = kind == LockKind::kShared ? LOCK_SH : LOCK_EX;
  if (RetryOnEintr([&] { return flock(fd_.get(), operation | LOCK_NB); }) != 0) {
    if (errno == EWOULDBLOCK) return DirectoryInUse(path_);
    return Status::FromErrno(errno, "lock", path_);
  }
  locked_ = true;
  return Status::Ok();
}

Result<std::vector<DirectoryEntry>> PosixDirectory::List() {
  // A description of its own: the position in the list belongs to it.
  LSM_ASSIGN_OR_RETURN(FileDescriptor fd, OpenAt(fd_.get(), ".", O_RDONLY | O_DIRECTORY, path_));
  const std::unique_ptr<DIR, CloseStream> stream(fdopendir(fd.get()));
  if (stream == nullptr) return Status::FromErrno(errno, "list", path_);
  fd.Release();

  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(stream.get());
    if (entry == nullptr) {
      if (errno != 0) return Status::FromErrno(errno, "list", path_);
      return entries;
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat info;
    if (fstatat(fd_.get(), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // Removed since.
      return Status::FromErrno(errno, "stat", PathOf(name));
    }
    const bool is_regular_file = S_ISREG(info.st_mode);
    entries.push_back({.name = std::string(name),
                       .size = is_regular_file ? static_cast<uint64_t>(info.st_size) : 0,
                       .is_regular_file = is_regular_file});
  }
}

Result<std::unique_ptr<ReadableFile>> PosixDirectory::OpenForReading(std::string_view name) {
  LSM_ASSIGN_OR_RETURN(RegularFile file, Open(name, O_RDONLY));
  return NewPosixReadableFile(std::move(file), PathOf(name));
}

Result<std::unique_ptr<WritableFile>> PosixDirectory::Create(std::string_view name) {
  LSM_ASSIGN_OR_RETURN(RegularFile file, Open(name, O_WRONLY | O_CREAT | O_EXCL));
  return NewPosixWritableFile(std::move(file.fd), PathOf(name));
}

Result<std::unique_ptr<LogFile>> PosixDirectory::CreateLog(std::string_view name, uint64_t size) {
  LSM_ASSIGN_OR_RETURN(RegularFile file, Open(name, O_RDWR | O_CREAT | O_EXCL));
  const std::string path = PathOf(name);
  Result<LogAccess> access = AllocateLog(file.fd.get(), 0, size, path);
  if (!access.ok()) {
    // The disk is full, as a rule: what was taken is given back.
    unlinkat(fd_.get(), std::string(name).c_str(), 0);
    return access.status();
  }
  file.size = size;
  return NewPosixLogFile(std::move(file), path, *access);
}

Result<std::unique_ptr<LogFile>> PosixDirectory::ReuseLog(std::string_view old_name,
                                                          std::string_view new_name,
                                                          uint64_t size) {
  LSM_RETURN_IF_ERROR(CheckName(new_name));
  LSM_ASSIGN_OR_RETURN(RegularFile file, Open(old_name, O_RDWR));
  LSM_ASSIGN_OR_RETURN(const LogAccess access,
                       AllocateLog(file.fd.get(), file.size, size, PathOf(old_name)));
  file.size = std::max(file.size, size);
  LSM_RETURN_IF_ERROR(Rename(old_name, new_name));
  return NewPosixLogFile(std::move(file), PathOf(new_name), access);
}

Status PosixDirectory::Rename(std::string_view from, std::string_view to) {
  LSM_RETURN_IF_ERROR(CheckName(from));
  LSM_RETURN_IF_ERROR(CheckName(to));
  if (renameat(fd_.get(), std::string(from).c_str(), fd_.get(), std::string(to).c_str()) != 0) {
    return Status::FromErrno(errno, "rename", PathOf(from)).WithContext("to " + PathOf(to));
  }
  return Status::Ok();
}

Status PosixDirectory::Remove(std::string_view name) {
  LSM_RETURN_IF_ERROR(CheckName(name));
  if (unlinkat(fd_.get(), std::string(name).c_str(), 0) != 0) {
    return Status::FromErrno(errno, "remove", PathOf(name));
  }
  return Status::Ok();
}

Result<uint64_t> PosixDirectory::FreeBytes() {
  struct statvfs info;
  if (RetryOnEintr([&] { return fstatvfs(fd_.get(), &info); }) != 0) {
    return Status::FromErrno(errno, "statvfs", path_);
  }
  return uint64_t{info.f_bavail} * info.f_frsize;
}

}  // namespace

std::unique_ptr<Directory> NewPosixDirectory(FileDescriptor fd, std::string path) {
  return std::make_unique<PosixDirectory>(std::move(fd), std::move(path));
}

Status SyncDirectory(int fd, std::string_view path) {
  if (RetryOnEintr([&] { return fsync(fd); }) != 0) {
    return Status::FromErrno(errno, "sync directory", path);
  }
  return Status::Ok();
}

}  // namespace lsm::internal
