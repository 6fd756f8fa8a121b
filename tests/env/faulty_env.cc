#include "tests/env/faulty_env.h"

#include <utility>

namespace lsm {
namespace {

class FaultyReadable final : public ReadableFile {
 public:
  FaultyReadable(FaultyEnv* env, std::string name, std::unique_ptr<ReadableFile> base)
      : env_(env), name_(std::move(name)), base_(std::move(base)) {
    path_ = base_->path();
    size_ = base_->size();
  }
  Status Read(uint64_t offset, size_t size, char* buffer) override {
    return env_->Do(FileCall::kRead, name_, [&] { return base_->Read(offset, size, buffer); });
  }
  Result<std::unique_ptr<FileMapping>> Map() override {
    return env_->Do(FileCall::kMap, name_, [&] { return base_->Map(); });
  }
  Status Sync() override {
    return env_->Do(FileCall::kSyncReadable, name_, [&] { return base_->Sync(); });
  }

 private:
  FaultyEnv* const env_;
  const std::string name_;
  const std::unique_ptr<ReadableFile> base_;
};

class FaultyWritable final : public WritableFile {
 public:
  FaultyWritable(FaultyEnv* env, std::string name, std::unique_ptr<WritableFile> base)
      : env_(env), name_(std::move(name)), base_(std::move(base)) {
    path_ = base_->path();
  }
  Status Append(std::string_view bytes) override {
    Status status = env_->Do(FileCall::kAppend, name_, [&] { return base_->Append(bytes); });
    size_ = base_->size();
    return status;
  }
  Status Sync() override {
    return env_->Do(FileCall::kSyncWritable, name_, [&] { return base_->Sync(); });
  }
  Status Close() override {
    return env_->Do(FileCall::kClose, name_, [&] { return base_->Close(); });
  }

 private:
  FaultyEnv* const env_;
  const std::string name_;
  const std::unique_ptr<WritableFile> base_;
};

class FaultyLog final : public LogFile {
 public:
  FaultyLog(FaultyEnv* env, std::string name, std::unique_ptr<LogFile> base)
      : env_(env), name_(std::move(name)), base_(std::move(base)) {
    path_ = base_->path();
    size_ = base_->size();
  }
  Result<char*> Reserve(uint64_t offset, size_t size) override {
    return base_->Reserve(offset, size);
  }
  Status Commit(uint64_t offset, size_t size) override {
    return env_->Do(FileCall::kCommitLog, name_, [&] { return base_->Commit(offset, size); });
  }
  Status Sync(uint64_t begin, uint64_t end) override {
    return env_->Do(FileCall::kSyncLog, name_, [&] { return base_->Sync(begin, end); });
  }

 private:
  FaultyEnv* const env_;
  const std::string name_;
  const std::unique_ptr<LogFile> base_;
};

class FaultyDirectory final : public Directory {
 public:
  FaultyDirectory(FaultyEnv* env, std::unique_ptr<Directory> base)
      : env_(env), base_(std::move(base)) {
    path_ = base_->path();
  }
  Status Lock(LockKind kind) override { return base_->Lock(kind); }
  Result<std::vector<DirectoryEntry>> List() override {
    return env_->Do(FileCall::kList, "", [&] { return base_->List(); });
  }
  Result<std::unique_ptr<ReadableFile>> OpenForReading(std::string_view name) override {
    return Wrap<FaultyReadable, ReadableFile>(FileCall::kOpenForReading, name,
                                              [&] { return base_->OpenForReading(name); });
  }
  Result<std::unique_ptr<WritableFile>> Create(std::string_view name) override {
    return Wrap<FaultyWritable, WritableFile>(FileCall::kCreate, name,
                                              [&] { return base_->Create(name); });
  }
  Result<std::unique_ptr<LogFile>> CreateLog(std::string_view name, uint64_t size) override {
    return Wrap<FaultyLog, LogFile>(FileCall::kCreateLog, name,
                                    [&] { return base_->CreateLog(name, size); });
  }
  Result<std::unique_ptr<LogFile>> ReuseLog(std::string_view old_name, std::string_view new_name,
                                            uint64_t size) override {
    return Wrap<FaultyLog, LogFile>(FileCall::kReuseLog, new_name,
                                    [&] { return base_->ReuseLog(old_name, new_name, size); });
  }
  Status Rename(std::string_view from, std::string_view to) override {
    return env_->Do(FileCall::kRename, to, [&] { return base_->Rename(from, to); });
  }
  Status Remove(std::string_view name) override {
    return env_->Do(FileCall::kRemove, name, [&] { return base_->Remove(name); });
  }
  Status Sync() override {
    return env_->Do(FileCall::kSyncDirectory, "", [&] { return base_->Sync(); });
  }
  Result<uint64_t> FreeBytes() override { return base_->FreeBytes(); }

 private:
  template <typename Wrapper, typename File, typename Open>
  Result<std::unique_ptr<File>> Wrap(FileCall call, std::string_view name, Open open) {
    LSM_ASSIGN_OR_RETURN(std::unique_ptr<File> file, env_->Do(call, name, open));
    return std::unique_ptr<File>(
        std::make_unique<Wrapper>(env_, std::string(name), std::move(file)));
  }

  FaultyEnv* const env_;
  const std::unique_ptr<Directory> base_;
};

}  // namespace

void FaultyEnv::FailAll(FileCall call, std::string suffix, int errnum) {
  SetHook([call, suffix = std::move(suffix), errnum](FileCall asked, std::string_view name) {
    if (asked != call || !name.ends_with(suffix)) return Status::Ok();
    return Status::FromErrno(errnum, "injected", name);
  });
}

Result<std::unique_ptr<Directory>> FaultyEnv::OpenDirectory(const std::string& path, OpenMode mode,
                                                            bool* created) {
  LSM_ASSIGN_OR_RETURN(std::unique_ptr<Directory> base, base_->OpenDirectory(path, mode, created));
  return std::unique_ptr<Directory>(std::make_unique<FaultyDirectory>(this, std::move(base)));
}

}  // namespace lsm
