#include "lsm/env/mem_env.h"

#include <cerrno>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_split.h"
#include "lsm/base/limits.h"
#include "lsm/base/sync.h"
#include "lsm/env/env_status.h"
#include "lsm/env/mem_file.h"

namespace lsm {
namespace {

using internal::MemFile;

constexpr uint64_t kFreeBytes = 1024 * kGiB;

// A directory's contents live on while it is open, as a file's do. `mutex` of the Env guards it.
struct MemFolder {
  std::map<std::string, std::shared_ptr<MemFile>, std::less<>> files;
  std::map<std::string, std::shared_ptr<MemFolder>, std::less<>> folders;
  uint64_t shared_locks = 0;
  bool exclusively_locked = false;
};

class MemDirectory final : public Directory {
 public:
  MemDirectory(Mutex* mutex, std::shared_ptr<MemFolder> folder, std::string path)
      : mutex_(mutex), owner_(std::move(folder)), folder_(owner_.get()) {
    path_ = std::move(path);
  }
  ~MemDirectory() override { Release(); }

  Status Lock(LockKind kind) override;
  Result<std::vector<DirectoryEntry>> List() override;
  Result<std::unique_ptr<ReadableFile>> OpenForReading(std::string_view name) override;
  Result<std::unique_ptr<WritableFile>> Create(std::string_view name) override;
  Result<std::unique_ptr<LogFile>> CreateLog(std::string_view name, uint64_t size) override;
  Result<std::unique_ptr<LogFile>> ReuseLog(std::string_view old_name, std::string_view new_name,
                                            uint64_t size) override;
  Status Rename(std::string_view from, std::string_view to) override;
  Status Remove(std::string_view name) override;
  Status Sync() override { return Status::Ok(); }
  Result<uint64_t> FreeBytes() override { return kFreeBytes; }

 private:
  void Release();
  Result<std::shared_ptr<MemFile>> Find(std::string_view name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(*mutex_);
  Result<std::shared_ptr<MemFile>> Make(std::string_view name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(*mutex_);
  Status Move(std::string_view from, std::string_view to) ABSL_EXCLUSIVE_LOCKS_REQUIRED(*mutex_);

  Mutex* const mutex_;
  const std::shared_ptr<MemFolder> owner_;
  MemFolder* const folder_ ABSL_PT_GUARDED_BY(*mutex_);
  bool locked_ ABSL_GUARDED_BY(*mutex_) = false;
};

void MemDirectory::Release() {
  MutexLock lock(mutex_);
  if (!locked_) return;
  if (folder_->exclusively_locked) {
    folder_->exclusively_locked = false;
  } else {
    --folder_->shared_locks;
  }
}

Status MemDirectory::Lock(LockKind kind) {
  MutexLock lock(mutex_);
  if (locked_) return internal::AlreadyLocked(path_);
  const bool exclusive = kind == LockKind::kExclusive;
  if (folder_->exclusively_locked || (exclusive && folder_->shared_locks > 0)) {
    return internal::DirectoryInUse(path_);
  }
  if (exclusive) {
    folder_->exclusively_locked = true;
  } else {
    ++folder_->shared_locks;
  }
  locked_ = true;
  return Status::Ok();
}

Result<std::vector<DirectoryEntry>> MemDirectory::List() {
  MutexLock lock(mutex_);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, file] : folder_->files) {
    entries.push_back({.name = name, .size = file->size(), .is_regular_file = true});
  }
  for (const auto& [name, folder] : folder_->folders) entries.push_back({.name = name});
  return entries;
}

Result<std::shared_ptr<MemFile>> MemDirectory::Find(std::string_view name) {
  LSM_RETURN_IF_ERROR(internal::CheckName(name));
  if (const auto file = folder_->files.find(name); file != folder_->files.end()) {
    return file->second;
  }
  if (folder_->folders.contains(name)) {
    return internal::NotARegularFile(PathOf(name), "a directory");
  }
  return Status::FromErrno(ENOENT, "open", PathOf(name));
}

Result<std::shared_ptr<MemFile>> MemDirectory::Make(std::string_view name) {
  LSM_RETURN_IF_ERROR(internal::CheckName(name));
  if (folder_->files.contains(name) || folder_->folders.contains(name)) {
    return internal::NameTaken(PathOf(name));
  }
  auto file = std::make_shared<MemFile>();
  folder_->files.emplace(name, file);
  return file;
}

Status MemDirectory::Move(std::string_view from, std::string_view to) {
  LSM_RETURN_IF_ERROR(internal::CheckName(from));
  LSM_RETURN_IF_ERROR(internal::CheckName(to));
  const auto fail = [&](int errnum) {
    return Status::FromErrno(errnum, "rename", PathOf(from)).WithContext("to " + PathOf(to));
  };
  const auto old_place = folder_->files.find(from);
  if (old_place == folder_->files.end()) return fail(ENOENT);
  if (folder_->folders.contains(to)) return fail(EISDIR);
  if (from == to) return Status::Ok();
  folder_->files.insert_or_assign(std::string(to), old_place->second);
  folder_->files.erase(old_place);
  return Status::Ok();
}

Result<std::unique_ptr<ReadableFile>> MemDirectory::OpenForReading(std::string_view name) {
  MutexLock lock(mutex_);
  LSM_ASSIGN_OR_RETURN(std::shared_ptr<MemFile> file, Find(name));
  return internal::NewMemReadableFile(std::move(file), PathOf(name));
}

Result<std::unique_ptr<WritableFile>> MemDirectory::Create(std::string_view name) {
  MutexLock lock(mutex_);
  LSM_ASSIGN_OR_RETURN(std::shared_ptr<MemFile> file, Make(name));
  return internal::NewMemWritableFile(std::move(file), PathOf(name));
}

Result<std::unique_ptr<LogFile>> MemDirectory::CreateLog(std::string_view name, uint64_t size) {
  MutexLock lock(mutex_);
  LSM_ASSIGN_OR_RETURN(std::shared_ptr<MemFile> file, Make(name));
  if (Status grown = file->GrowTo(size); !grown.ok()) {
    folder_->files.erase(folder_->files.find(name));
    return grown;
  }
  return internal::NewMemLogFile(std::move(file), PathOf(name));
}

Result<std::unique_ptr<LogFile>> MemDirectory::ReuseLog(std::string_view old_name,
                                                        std::string_view new_name, uint64_t size) {
  LSM_RETURN_IF_ERROR(internal::CheckName(new_name));
  MutexLock lock(mutex_);
  LSM_ASSIGN_OR_RETURN(std::shared_ptr<MemFile> file, Find(old_name));
  LSM_RETURN_IF_ERROR(file->GrowTo(size));
  LSM_RETURN_IF_ERROR(Move(old_name, new_name));
  return internal::NewMemLogFile(std::move(file), PathOf(new_name));
}

Status MemDirectory::Rename(std::string_view from, std::string_view to) {
  MutexLock lock(mutex_);
  return Move(from, to);
}

Status MemDirectory::Remove(std::string_view name) {
  MutexLock lock(mutex_);
  LSM_RETURN_IF_ERROR(internal::CheckName(name));
  const auto file = folder_->files.find(name);
  if (file == folder_->files.end()) {
    const bool is_folder = folder_->folders.contains(name);
    return Status::FromErrno(is_folder ? EISDIR : ENOENT, "remove", PathOf(name));
  }
  folder_->files.erase(file);
  return Status::Ok();
}

// One tree of folders. Relative paths start at its root as absolute ones do.
class MemEnv final : public Env {
 public:
  Result<std::unique_ptr<Directory>> OpenDirectory(const std::string& path, OpenMode mode,
                                                   bool* created) override {
    if (created != nullptr) *created = false;
    MutexLock lock(&mutex_);
    LSM_ASSIGN_OR_RETURN(const Place place, Resolve(path, "open"));
    std::shared_ptr<MemFolder> folder = place.folder;
    if (folder == nullptr) {
      if (place.file != nullptr) return Status::FromErrno(ENOTDIR, "open", path);
      if (mode == OpenMode::kMustExist) return Status::FromErrno(ENOENT, "open", path);
      folder = std::make_shared<MemFolder>();
      place.parent->folders.emplace(place.name, folder);
      if (created != nullptr) *created = true;
    }
    return std::unique_ptr<Directory>(
        std::make_unique<MemDirectory>(&mutex_, std::move(folder), path));
  }

  Status RemoveDirectory(const std::string& path) override {
    constexpr std::string_view kOperation = "remove directory";
    MutexLock lock(&mutex_);
    LSM_ASSIGN_OR_RETURN(const Place place, Resolve(path, kOperation));
    if (place.file != nullptr) return Status::FromErrno(ENOTDIR, kOperation, path);
    if (place.folder == nullptr) return Status::FromErrno(ENOENT, kOperation, path);
    if (place.folder == root_) return Status::FromErrno(EBUSY, kOperation, path);
    if (!place.folder->files.empty() || !place.folder->folders.empty()) {
      return Status::FromErrno(ENOTEMPTY, kOperation, path);
    }
    place.parent->folders.erase(place.name);
    return Status::Ok();
  }

  Result<std::unique_ptr<ReadableFile>> OpenFile(const std::string& path) override {
    MutexLock lock(&mutex_);
    LSM_ASSIGN_OR_RETURN(const Place place, Resolve(path, "open"));
    if (place.folder != nullptr) return internal::NotARegularFile(path, "a directory");
    if (place.file == nullptr) return Status::FromErrno(ENOENT, "open", path);
    return internal::NewMemReadableFile(place.file, path);
  }

  Result<PathKind> Classify(const std::string& path) override {
    MutexLock lock(&mutex_);
    LSM_ASSIGN_OR_RETURN(const Place place, Resolve(path, "stat"));
    if (place.folder != nullptr) return PathKind::kDirectory;
    if (place.file != nullptr) return PathKind::kFile;
    return Status::FromErrno(ENOENT, "stat", path);
  }

  uint64_t NowMicros() override { return Posix()->NowMicros(); }
  void SleepMicros(uint64_t micros) override { Posix()->SleepMicros(micros); }
  Result<std::unique_ptr<Executor>> NewExecutor(const std::string& name,
                                                uint64_t threads) override {
    return Posix()->NewExecutor(name, threads);
  }

 private:
  // Where a path leads: at most one of `folder` and `file` is set, neither where nothing is there.
  // `parent` is null for the root only.
  struct Place {
    std::shared_ptr<MemFolder> parent;
    std::string name;
    std::shared_ptr<MemFolder> folder;
    std::shared_ptr<MemFile> file;
  };

  Result<Place> Resolve(const std::string& path, std::string_view operation)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (path.empty()) return Status::FromErrno(ENOENT, operation, path);
    std::vector<Place> way = {{.folder = root_}};
    for (const std::string_view name : absl::StrSplit(path, '/', absl::SkipEmpty())) {
      const Place& here = way.back();
      if (here.folder == nullptr) {
        return Status::FromErrno(here.file == nullptr ? ENOENT : ENOTDIR, operation, path);
      }
      if (name == ".") continue;
      if (name == "..") {
        if (way.size() > 1) way.pop_back();
        continue;
      }
      Place next = {.parent = here.folder, .name = std::string(name)};
      if (const auto it = here.folder->folders.find(name); it != here.folder->folders.end()) {
        next.folder = it->second;
      } else if (const auto it = here.folder->files.find(name); it != here.folder->files.end()) {
        next.file = it->second;
      }
      way.push_back(std::move(next));
    }
    return way.back();
  }

  Mutex mutex_;
  const std::shared_ptr<MemFolder> root_ = std::make_shared<MemFolder>();
};

}  // namespace

std::unique_ptr<Env> NewMemEnv() { return std::make_unique<MemEnv>(); }

}  // namespace lsm
