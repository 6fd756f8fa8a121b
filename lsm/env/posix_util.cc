#include "lsm/env/posix_util.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lsm/env/env_status.h"

namespace lsm::internal {
namespace {

std::string_view KindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a directory";
    case S_IFLNK:
      return "a symbolic link";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a device";
  }
}

// The failed openat's errno told apart: a name that can never be opened as a file is damage, not a
// failed call.
Status OpenError(int errnum, int directory, const std::string& name, int flags,
                 std::string_view path) {
  if (errnum == EEXIST) return NameTaken(path);
  if (errnum == ELOOP || errnum == EISDIR || errnum == ENXIO || errnum == ENODEV) {
    struct stat info;
    const int follow = (flags & O_NOFOLLOW) != 0 ? AT_SYMLINK_NOFOLLOW : 0;
    if (fstatat(directory, name.c_str(), &info, follow) == 0 && !S_ISREG(info.st_mode)) {
      return NotARegularFile(path, KindOf(info.st_mode));
    }
  }
  return Status::FromErrno(errnum, "open", path);
}

// Returns -1 with errno set.
int OpenAboveStandardStreams(int directory, const std::string& name, int flags) {
  constexpr mode_t kFileMode = 0600;
  const int fd =
      RetryOnEintr([&] { return openat(directory, name.c_str(), flags | O_CLOEXEC, kFileMode); });
  if (fd == -1 || fd > STDERR_FILENO) return fd;
  const int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int saved_errno = errno;
  close(fd);
  errno = saved_errno;
  return moved;
}

}  // namespace

int FileDescriptor::Close() {
  if (fd_ == -1) return 0;
  // Linux has closed the descriptor whatever it answers; EINTR says nothing about the data.
  if (close(std::exchange(fd_, -1)) == 0 || errno == EINTR) return 0;
  return errno;
}

Result<FileDescriptor> OpenAt(int directory, const std::string& name, int flags,
                              std::string_view path) {
  const int fd = OpenAboveStandardStreams(directory, name, flags);
  if (fd == -1) return Status::FromErrno(errno, "open", path);
  return FileDescriptor(fd);
}

Result<RegularFile> OpenRegularFile(int directory, const std::string& name, int flags,
                                    std::string_view path) {
  const int fd = OpenAboveStandardStreams(directory, name, flags | O_NONBLOCK);
  if (fd == -1) return OpenError(errno, directory, name, flags, path);
  RegularFile file = {.fd = FileDescriptor(fd)};
  struct stat info;
  if (fstat(fd, &info) != 0) return Status::FromErrno(errno, "stat", path);
  if (!S_ISREG(info.st_mode)) return NotARegularFile(path, KindOf(info.st_mode));
  file.size = static_cast<uint64_t>(info.st_size);
  return file;
}

Status ReadFully(int fd, uint64_t offset, size_t size, char* buffer, std::string_view path) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = RetryOnEintr(
        [&] { return pread(fd, buffer + done, size - done, static_cast<off_t>(offset + done)); });
    if (n == -1) return Status::FromErrno(errno, "read", path, offset + done);
    if (n == 0) return CheckReadRange(path, offset, size, offset + done);
    done += static_cast<size_t>(n);
  }
  return Status::Ok();
}

Status WriteFully(int fd, uint64_t offset, std::string_view bytes, std::string_view path) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = RetryOnEintr([&] {
      return pwrite(fd, bytes.data() + done, bytes.size() - done,
                    static_cast<off_t>(offset + done));
    });
    if (n == -1) return Status::FromErrno(errno, "write", path, offset + done);
    done += static_cast<size_t>(n);
  }
  return Status::Ok();
}

Status SyncData(int fd, std::string_view path) {
  // An interrupted sync has reported nothing yet, so that asking again loses no error.
  if (RetryOnEintr([&] { return fdatasync(fd); }) != 0) {
    return Status::FromErrno(errno, "sync", path);
  }
  return Status::Ok();
}

}  // namespace lsm::internal
