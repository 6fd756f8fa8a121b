#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "lsm/env/env.h"
#include "lsm/env/executor.h"
#include "lsm/env/posix_directory.h"
#include "lsm/env/posix_files.h"
#include "lsm/env/posix_util.h"

namespace lsm {
namespace {

using internal::FileDescriptor;
using internal::RegularFile;

constexpr int kOpenDirectoryFlags = O_RDONLY | O_DIRECTORY;
constexpr uint64_t kMicrosPerSecond = 1'000'000;
constexpr uint64_t kNanosPerMicro = 1'000;

// A path with a NUL inside would name something else to the system.
Status CheckPath(const std::string& path) {
  if (path.find('\0') == path.npos) return Status::Ok();
  return Status::InvalidArgument("a path must not contain a NUL byte");
}

// The directory above an open one, whatever path that one was reached by.
Status SyncParent(int directory, const std::string& path) {
  const std::string parent = path + "/..";
  LSM_ASSIGN_OR_RETURN(const FileDescriptor fd,
                       internal::OpenAt(directory, "..", kOpenDirectoryFlags, parent));
  return internal::SyncDirectory(fd.get(), parent);
}

class PosixEnv final : public Env {
 public:
  Result<std::unique_ptr<Directory>> OpenDirectory(const std::string& path, OpenMode mode,
                                                   bool* created) override {
    constexpr mode_t kDirectoryMode = 0700;
    if (created != nullptr) *created = false;
    LSM_RETURN_IF_ERROR(CheckPath(path));
    Result<FileDescriptor> fd = internal::OpenAt(AT_FDCWD, path, kOpenDirectoryFlags, path);
    if (!fd.ok() && fd.status().errnum() == ENOENT && mode == OpenMode::kCreateIfMissing) {
      const bool made = mkdir(path.c_str(), kDirectoryMode) == 0;
      if (!made && errno != EEXIST) return Status::FromErrno(errno, "create directory", path);
      fd = internal::OpenAt(AT_FDCWD, path, kOpenDirectoryFlags, path);
      if (fd.ok() && made) LSM_RETURN_IF_ERROR(SyncParent(fd->get(), path));
      if (created != nullptr) *created = made;
    }
    if (!fd.ok()) return fd.status();
    return internal::NewPosixDirectory(fd.Take(), path);
  }

  Status RemoveDirectory(const std::string& path) override {
    LSM_RETURN_IF_ERROR(CheckPath(path));
    if (rmdir(path.c_str()) != 0) return Status::FromErrno(errno, "remove directory", path);
    return Status::Ok();
  }

  Result<std::unique_ptr<ReadableFile>> OpenFile(const std::string& path) override {
    LSM_RETURN_IF_ERROR(CheckPath(path));
    LSM_ASSIGN_OR_RETURN(RegularFile file,
                         internal::OpenRegularFile(AT_FDCWD, path, O_RDONLY, path));
    return internal::NewPosixReadableFile(std::move(file), path);
  }

  Result<PathKind> Classify(const std::string& path) override {
    LSM_RETURN_IF_ERROR(CheckPath(path));
    struct stat info;
    if (stat(path.c_str(), &info) != 0) return Status::FromErrno(errno, "stat", path);
    if (S_ISREG(info.st_mode)) return PathKind::kFile;
    return S_ISDIR(info.st_mode) ? PathKind::kDirectory : PathKind::kOther;
  }

  uint64_t NowMicros() override {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * kMicrosPerSecond +
           static_cast<uint64_t>(now.tv_nsec) / kNanosPerMicro;
  }

  void SleepMicros(uint64_t micros) override {
    const uint64_t until = NowMicros() + micros;
    const timespec wake = {.tv_sec = static_cast<time_t>(until / kMicrosPerSecond),
                           .tv_nsec = static_cast<long>(until % kMicrosPerSecond * kNanosPerMicro)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr) == EINTR) {
    }
  }

  Result<std::unique_ptr<Executor>> NewExecutor(const std::string& name,
                                                uint64_t threads) override {
    return internal::NewThreadExecutor(name, threads);
  }
};

std::atomic<uint32_t> fork_generation{0};

// Runs when the library is loaded, before anything could be inherited.
[[maybe_unused]] const int fork_handler_registered = pthread_atfork(
    nullptr, nullptr, [] { fork_generation.fetch_add(1, std::memory_order_relaxed); });

}  // namespace

Env* Env::Posix() {
  static Env* const env = new PosixEnv;
  return env;
}

uint32_t ForkGeneration() { return fork_generation.load(std::memory_order_relaxed); }

}  // namespace lsm
