// A simulated disk: an Env with one directory whose power can be lost at any moment. What the
// engine sees is an Env in memory; beside it is kept what of its files and names is durable
// (sim_files.h). A loss of power takes a picture of what would be left and disturbs nobody, so that
// one run of the engine is crashed at as many points as there are.
//
// Simulated: the page cache and its write-back in any order, sector by sector; mapped logs, of
// which every byte may reach the disk as soon as it is stored, committed or not; file sizes;
// directory entries. A Sync of a log makes durable the range that was asked for and no more. A
// directory is durable once it is made. Not simulated: disks that lie about a sync, except where a
// test asks for that, to see that somebody notices (LieAbout).
//
// Invariants:
// 1. Every call that changes something asks the hook first, and such calls run one at a time; so a
//    hook that loses power sees the disk between two calls. What a log's writer stores is no call:
//    it shows at the next one.
// 2. What AfterPowerLoss gives follows from the calls so far and the seed alone.
// 3. With Threads::kOne all work of executors is done by one thread, in the order in which it was
//    scheduled, and nothing of it while it is held back: a test whose own calls come from one
//    thread makes the same history every time.
// 4. There is no clock: time is the number of times it was asked for, and nobody sleeps.
//
// Thread safety: as of Env.

#ifndef LSM_TESTS_ENV_SIM_DISK_H_
#define LSM_TESTS_ENV_SIM_DISK_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "lsm/env/env.h"
#include "tests/env/sim_files.h"

namespace lsm {

class SimDisk final : public Env {
 public:
  enum class Threads : uint8_t { kOne, kReal };
  // `call` says what is about to be done, and to which file. Must not call the disk, except for
  // AfterPowerLoss.
  using Hook = std::function<void(std::string_view call)>;

  // `path`: the directory's, the only one and spelled in one way; it is there, and on the disk, if
  // `files` is not null.
  SimDisk(std::string path, Threads threads, const DiskImage* files);
  ~SimDisk() override;

  // What is left if the power goes now.
  DiskImage AfterPowerLoss(uint64_t seed) const;
  // What is left if the process dies now: a disk with the same files, as little durable as here.
  std::unique_ptr<SimDisk> AfterKill();

  // How many calls changed something.
  uint64_t calls() const { return calls_.load(std::memory_order_relaxed); }
  void SetHook(Hook hook);
  // From now on the disk says of syncs that they were done, and does not do them, where the call,
  // in words as the hook is told, contains `part`; "": of none.
  void LieAbout(std::string part);

  // For Threads::kOne, else without effect. Whoever waits for work that is held back waits for
  // ever, except that the end of an executor lets it go on.
  void HoldWork(bool held);
  // Until there is no work. REQUIRES: it is not held back.
  void WaitForWork();

  Result<std::unique_ptr<Directory>> OpenDirectory(const std::string& path, OpenMode mode,
                                                   bool* created) override;
  Status RemoveDirectory(const std::string& path) override { return base_->RemoveDirectory(path); }
  Result<std::unique_ptr<ReadableFile>> OpenFile(const std::string& path) override {
    return base_->OpenFile(path);
  }
  Result<PathKind> Classify(const std::string& path) override { return base_->Classify(path); }
  uint64_t NowMicros() override { return now_.fetch_add(1, std::memory_order_relaxed); }
  void SleepMicros(uint64_t) override {}
  Result<std::unique_ptr<Executor>> NewExecutor(const std::string& name, uint64_t threads) override;

  // --- for the disk's own files ---

  // A call that changes something.
  template <typename Work>
  auto Change(std::string_view call, std::string_view name, Work work) -> decltype(work(nullptr)) {
    absl::MutexLock one_at_a_time(&call_mutex_);
    BeforeCall(call, name);
    absl::MutexLock lock(&mutex_);
    return work(&names_);
  }
  template <typename Work>
  auto Look(Work work) const {
    absl::MutexLock lock(&mutex_);
    return work(names_);
  }
  // As Change, of what makes something durable.
  template <typename Work>
  Status Sync(std::string_view call, std::string_view name, Work work) {
    absl::MutexLock one_at_a_time(&call_mutex_);
    const bool lies = BeforeCall(call, name);
    absl::MutexLock lock(&mutex_);
    if (!lies) work(&names_);
    return Status::Ok();
  }
  void Schedule(std::function<void()> work);
  // Ends the holding back until `wait` is over.
  void LetGoWhile(const std::function<void()>& wait);

 private:
  // Whether a sync is to be a lie.
  bool BeforeCall(std::string_view call, std::string_view name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(call_mutex_);
  // Puts the file under the Env in memory.
  void Install(Directory* directory, std::string_view name, const SimFileImage& file);

  const std::string path_;
  const std::unique_ptr<Env> base_;
  std::unique_ptr<Executor> worker_;  // null for Threads::kReal
  std::atomic<uint64_t> calls_{0};
  std::atomic<uint64_t> now_{0};

  absl::Mutex call_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  Hook hook_ ABSL_GUARDED_BY(call_mutex_);
  std::string lie_ ABSL_GUARDED_BY(call_mutex_);
  mutable absl::Mutex mutex_;
  SimNames names_ ABSL_GUARDED_BY(mutex_);

  absl::Mutex work_mutex_;
  bool held_ ABSL_GUARDED_BY(work_mutex_) = false;
  uint64_t let_go_ ABSL_GUARDED_BY(work_mutex_) = 0;
  uint64_t work_left_ ABSL_GUARDED_BY(work_mutex_) = 0;
};

}  // namespace lsm

#endif  // LSM_TESTS_ENV_SIM_DISK_H_
