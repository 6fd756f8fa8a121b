#include "tests/env/sim_disk.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lsm/env/mem_env.h"
#include "tests/env/directory_files.h"

namespace lsm {
namespace {

using InodePtr = SimNames::InodePtr;

// Waits for time, and so would keep the one thread from everything else.
constexpr std::string_view kTicker = "lsm-tick";

class SimReadable final : public ReadableFile {
 public:
  SimReadable(SimDisk* disk, std::string name, InodePtr inode, std::unique_ptr<ReadableFile> base)
      : disk_(disk), name_(std::move(name)), inode_(std::move(inode)), base_(std::move(base)) {
    path_ = base_->path();
    size_ = base_->size();
  }
  Status Read(uint64_t offset, size_t size, char* buffer) override {
    return base_->Read(offset, size, buffer);
  }
  Result<std::unique_ptr<FileMapping>> Map() override { return base_->Map(); }
  Status Sync() override {
    return disk_->Sync("sync what is there of", name_, [&](SimNames*) { inode_->Sync(); });
  }

 private:
  SimDisk* const disk_;
  const std::string name_;
  const InodePtr inode_;
  const std::unique_ptr<ReadableFile> base_;
};

class SimWritable final : public WritableFile {
 public:
  SimWritable(SimDisk* disk, std::string name, InodePtr inode, std::unique_ptr<WritableFile> base)
      : disk_(disk), name_(std::move(name)), inode_(std::move(inode)), base_(std::move(base)) {
    path_ = base_->path();
  }
  Status Append(std::string_view bytes) override {
    return disk_->Change("append to", name_, [&](SimNames*) -> Status {
      LSM_RETURN_IF_ERROR(base_->Append(bytes));
      inode_->Append(bytes);
      size_ = base_->size();
      return Status::Ok();
    });
  }
  Status Sync() override {
    return disk_->Sync("sync", name_, [&](SimNames*) { inode_->Sync(); });
  }
  Status Close() override { return base_->Close(); }

 private:
  SimDisk* const disk_;
  const std::string name_;
  const InodePtr inode_;
  const std::unique_ptr<WritableFile> base_;
};

class SimLog final : public LogFile {
 public:
  SimLog(SimDisk* disk, std::string name, InodePtr inode, std::unique_ptr<LogFile> base)
      : disk_(disk), name_(std::move(name)), inode_(std::move(inode)), base_(std::move(base)) {
    path_ = base_->path();
    size_ = base_->size();
  }
  Result<char*> Reserve(uint64_t offset, size_t size) override {
    LSM_ASSIGN_OR_RETURN(char* const bytes, base_->Reserve(offset, size));
    disk_->Look([&](const SimNames&) { inode_->Touch(offset + size); });
    return bytes;
  }
  Status Commit(uint64_t offset, size_t size) override {
    return disk_->Change("commit to", name_,
                         [&](SimNames*) { return base_->Commit(offset, size); });
  }
  Status Sync(uint64_t begin, uint64_t end) override {
    return disk_->Sync(begin == 0 ? "sync the beginning of" : "sync more of", name_,
                       [&](SimNames*) { inode_->SyncRange(begin, end); });
  }
  void ReleaseTail(uint64_t offset) override {
    disk_->Change("release the tail of", name_, [&](SimNames*) {
      const auto tail = base_->Reserve(offset, size_ - offset);
      if (!tail.ok()) return;  // there is none
      std::memset(*tail, 0, size_ - offset);
      inode_->Touch(size_);
    });
  }

 private:
  SimDisk* const disk_;
  const std::string name_;
  const InodePtr inode_;
  const std::unique_ptr<LogFile> base_;
};

class SimDirectory final : public Directory {
 public:
  SimDirectory(SimDisk* disk, std::unique_ptr<Directory> base)
      : disk_(disk), base_(std::move(base)) {
    path_ = base_->path();
  }
  Status Lock(LockKind kind) override { return base_->Lock(kind); }
  Result<std::vector<DirectoryEntry>> List() override { return base_->List(); }
  Result<uint64_t> FreeBytes() override { return base_->FreeBytes(); }
  Result<std::unique_ptr<ReadableFile>> OpenForReading(std::string_view name) override;
  Result<std::unique_ptr<WritableFile>> Create(std::string_view name) override;
  Result<std::unique_ptr<LogFile>> CreateLog(std::string_view name, uint64_t size) override;
  Result<std::unique_ptr<LogFile>> ReuseLog(std::string_view old_name, std::string_view new_name,
                                            uint64_t size) override;
  Status Rename(std::string_view from, std::string_view to) override;
  Status Remove(std::string_view name) override;
  Status Sync() override;

 private:
  Result<std::unique_ptr<LogFile>> WrapLog(std::string_view name, const InodePtr& inode,
                                           std::unique_ptr<LogFile> log);

  SimDisk* const disk_;
  const std::unique_ptr<Directory> base_;
};

Result<std::unique_ptr<ReadableFile>> SimDirectory::OpenForReading(std::string_view name) {
  using File = Result<std::unique_ptr<ReadableFile>>;
  return disk_->Look([&](const SimNames& names) -> File {
    LSM_ASSIGN_OR_RETURN(auto file, base_->OpenForReading(name));
    return File(
        std::make_unique<SimReadable>(disk_, std::string(name), names.Find(name), std::move(file)));
  });
}

Result<std::unique_ptr<WritableFile>> SimDirectory::Create(std::string_view name) {
  using File = Result<std::unique_ptr<WritableFile>>;
  return disk_->Change("create", name, [&](SimNames* names) -> File {
    LSM_ASSIGN_OR_RETURN(auto file, base_->Create(name));
    auto inode = std::make_shared<SimInode>();
    names->Create(name, inode);
    return File(
        std::make_unique<SimWritable>(disk_, std::string(name), std::move(inode), std::move(file)));
  });
}

// A mapping of a log in memory shows what is reserved, as the page cache does.
Result<std::unique_ptr<LogFile>> SimDirectory::WrapLog(std::string_view name, const InodePtr& inode,
                                                       std::unique_ptr<LogFile> log) {
  LSM_ASSIGN_OR_RETURN(const auto file, base_->OpenForReading(name));
  LSM_ASSIGN_OR_RETURN(auto mapping, file->Map());
  inode->BecomeLog(std::move(mapping));
  return std::unique_ptr<LogFile>(
      std::make_unique<SimLog>(disk_, std::string(name), inode, std::move(log)));
}

Result<std::unique_ptr<LogFile>> SimDirectory::CreateLog(std::string_view name, uint64_t size) {
  using Log = Result<std::unique_ptr<LogFile>>;
  return disk_->Change("create", name, [&](SimNames* names) -> Log {
    LSM_ASSIGN_OR_RETURN(auto log, base_->CreateLog(name, size));
    const auto inode = std::make_shared<SimInode>();
    names->Create(name, inode);
    return WrapLog(name, inode, std::move(log));
  });
}

Result<std::unique_ptr<LogFile>> SimDirectory::ReuseLog(std::string_view old_name,
                                                        std::string_view new_name, uint64_t size) {
  using Log = Result<std::unique_ptr<LogFile>>;
  return disk_->Change(absl::StrCat("reuse ", old_name, " as"), new_name,
                       [&](SimNames* names) -> Log {
                         LSM_ASSIGN_OR_RETURN(auto log, base_->ReuseLog(old_name, new_name, size));
                         names->Rename(old_name, new_name);
                         return WrapLog(new_name, names->Find(new_name), std::move(log));
                       });
}

Status SimDirectory::Rename(std::string_view from, std::string_view to) {
  return disk_->Change(absl::StrCat("rename ", from, " to"), to, [&](SimNames* names) -> Status {
    LSM_RETURN_IF_ERROR(base_->Rename(from, to));
    names->Rename(from, to);
    return Status::Ok();
  });
}

Status SimDirectory::Remove(std::string_view name) {
  return disk_->Change("remove", name, [&](SimNames* names) -> Status {
    LSM_RETURN_IF_ERROR(base_->Remove(name));
    names->Remove(name);
    return Status::Ok();
  });
}

Status SimDirectory::Sync() {
  return disk_->Sync("sync", "the directory", [&](SimNames* names) { names->Sync(); });
}

// Its share of the work of the disk's one thread.
class SimExecutor final : public Executor {
 public:
  explicit SimExecutor(SimDisk* disk) : disk_(disk) {}
  ~SimExecutor() override {
    disk_->LetGoWhile([this] {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(
          +[](uint64_t* left) { return *left == 0; }, &left_));
    });
  }
  void Schedule(std::function<void()> work) override {
    {
      absl::MutexLock lock(&mutex_);
      ++left_;
    }
    disk_->Schedule([this, work = std::move(work)] {
      work();
      absl::MutexLock lock(&mutex_);
      --left_;
    });
  }

 private:
  SimDisk* const disk_;
  absl::Mutex mutex_;
  uint64_t left_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

SimDisk::SimDisk(std::string path, Threads threads, const DiskImage* files)
    : path_(std::move(path)), base_(NewMemEnv()) {
  if (threads == Threads::kOne) {
    auto worker = base_->NewExecutor("sim-work", 1);
    Must(worker.status());
    worker_ = worker.Take();
  }
  if (files == nullptr) return;
  auto directory = base_->OpenDirectory(path_, OpenMode::kCreateIfMissing, nullptr);
  Must(directory.status());
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, file] : *files) {
    Install(directory->get(), name, file);
    names_.AddDurable(name, std::make_shared<SimInode>(file));
  }
}

SimDisk::~SimDisk() {
  // Its last work still lets go of work_mutex_.
  worker_ = nullptr;
}

void SimDisk::Install(Directory* directory, std::string_view name, const SimFileImage& file) {
  auto target = directory->CreateLog(name, file.size);
  Must(target.status());
  if (file.bytes.empty()) return;
  auto bytes = (*target)->Reserve(0, file.bytes.size());
  Must(bytes.status());
  std::memcpy(*bytes, file.bytes.data(), file.bytes.size());
}

DiskImage SimDisk::AfterPowerLoss(uint64_t seed) const {
  CrashFates fates(seed);
  DiskImage image;
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, inode] : names_.AfterPowerLoss(&fates)) {
    image.emplace(name, inode->AfterPowerLoss(&fates));
  }
  return image;
}

std::unique_ptr<SimDisk> SimDisk::AfterKill() {
  const DiskImage nothing;
  auto disk = std::make_unique<SimDisk>(path_, worker_ != nullptr ? Threads::kOne : Threads::kReal,
                                        &nothing);
  auto directory = disk->base_->OpenDirectory(path_, OpenMode::kMustExist, nullptr);
  Must(directory.status());
  absl::MutexLock one_at_a_time(&call_mutex_);
  disk->LieAbout(lie_);
  absl::MutexLock lock(&mutex_);
  absl::MutexLock other_lock(&disk->mutex_);
  disk->names_ = names_.Copy();
  for (const auto& [name, inode] : disk->names_.now()) {
    disk->Install(directory->get(), name, inode->Now());
  }
  return disk;
}

void SimDisk::SetHook(Hook hook) {
  absl::MutexLock lock(&call_mutex_);
  hook_ = std::move(hook);
}

void SimDisk::LieAbout(std::string part) {
  absl::MutexLock lock(&call_mutex_);
  lie_ = std::move(part);
}

bool SimDisk::BeforeCall(std::string_view call, std::string_view name) {
  calls_.fetch_add(1, std::memory_order_relaxed);
  const std::string words = absl::StrCat(call, " ", name);
  if (hook_) hook_(words);
  return !lie_.empty() && words.find(lie_) != std::string::npos;
}

void SimDisk::HoldWork(bool held) {
  absl::MutexLock lock(&work_mutex_);
  held_ = held;
}

void SimDisk::WaitForWork() {
  absl::MutexLock lock(&work_mutex_);
  work_mutex_.Await(absl::Condition(
      +[](uint64_t* left) { return *left == 0; }, &work_left_));
}

void SimDisk::LetGoWhile(const std::function<void()>& wait) {
  {
    absl::MutexLock lock(&work_mutex_);
    ++let_go_;
  }
  wait();
  absl::MutexLock lock(&work_mutex_);
  --let_go_;
}

void SimDisk::Schedule(std::function<void()> work) {
  {
    absl::MutexLock lock(&work_mutex_);
    ++work_left_;
  }
  worker_->Schedule([this, work = std::move(work)] {
    {
      const auto may_go = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !held_ || let_go_ > 0; };
      absl::MutexLock lock(&work_mutex_);
      work_mutex_.Await(absl::Condition(&may_go));
    }
    work();
    absl::MutexLock lock(&work_mutex_);
    --work_left_;
  });
}

Result<std::unique_ptr<Executor>> SimDisk::NewExecutor(const std::string& name, uint64_t threads) {
  if (worker_ == nullptr || name == kTicker) return base_->NewExecutor(name, threads);
  return std::unique_ptr<Executor>(std::make_unique<SimExecutor>(this));
}

Result<std::unique_ptr<Directory>> SimDisk::OpenDirectory(const std::string& path, OpenMode mode,
                                                          bool* created) {
  LSM_ASSIGN_OR_RETURN(std::unique_ptr<Directory> base, base_->OpenDirectory(path, mode, created));
  return std::unique_ptr<Directory>(std::make_unique<SimDirectory>(this, std::move(base)));
}

}  // namespace lsm
