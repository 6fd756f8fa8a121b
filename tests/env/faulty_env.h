// An Env that fails when it is told to: every call that touches a file asks a hook first. What the
// hook fails is not done at all. Such calls run one at a time, so a hook that looks at the files
// through the Env below sees what a crash at this moment would leave.

#ifndef LSM_TESTS_ENV_FAULTY_ENV_H_
#define LSM_TESTS_ENV_FAULTY_ENV_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "lsm/base/sync.h"
#include "lsm/env/env.h"

namespace lsm {

enum class FileCall : uint8_t {
  kList,
  kOpenForReading,
  kRead,
  kMap,
  kSyncReadable,
  kCreate,
  kAppend,
  kSyncWritable,
  kClose,
  kCreateLog,
  kReuseLog,
  kCommitLog,
  kSyncLog,
  kRename,
  kRemove,
  kSyncDirectory,
};

class FaultyEnv final : public Env {
 public:
  // `name` is the file's; that of the target where a file is renamed; "" for the directory. Called
  // by all threads, one at a time. Must not call this Env, but may call the one below.
  using Hook = std::function<Status(FileCall call, std::string_view name)>;

  // `base` outlives this.
  explicit FaultyEnv(Env* base) : base_(base) {}

  // Null: nothing fails.
  void SetHook(Hook hook) {
    MutexLock lock(&mutex_);
    hook_ = std::move(hook);
  }
  // From now on every `call` on a file whose name ends with `suffix` fails with `errnum`.
  void FailAll(FileCall call, std::string suffix, int errnum);

  // What `work` gives, unless the hook fails the call.
  template <typename Work>
  auto Do(FileCall call, std::string_view name, Work work) -> decltype(work()) {
    MutexLock lock(&mutex_);
    if (hook_) LSM_RETURN_IF_ERROR(hook_(call, name));
    return work();
  }

  Result<std::unique_ptr<Directory>> OpenDirectory(const std::string& path, OpenMode mode,
                                                   bool* created) override;
  Status RemoveDirectory(const std::string& path) override { return base_->RemoveDirectory(path); }
  Result<std::unique_ptr<ReadableFile>> OpenFile(const std::string& path) override {
    return base_->OpenFile(path);
  }
  Result<PathKind> Classify(const std::string& path) override { return base_->Classify(path); }
  uint64_t NowMicros() override { return base_->NowMicros(); }
  void SleepMicros(uint64_t micros) override { base_->SleepMicros(micros); }
  Result<std::unique_ptr<Executor>> NewExecutor(const std::string& name,
                                                uint64_t threads) override {
    return base_->NewExecutor(name, threads);
  }

 private:
  Env* const base_;
  Mutex mutex_;
  Hook hook_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lsm

#endif  // LSM_TESTS_ENV_FAULTY_ENV_H_
