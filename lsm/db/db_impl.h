// DbImpl: puts the parts of an open database together, and guards its life.
//
// Invariants:
// 1. A call enters before it touches anything and leaves when it is done; Close() first refuses new
//    calls, then waits for those inside. Gets enter by their EpochGuard, all others by a counter.
// 2. In a forked child the handle is dead: calls that could touch files or locks answer
//    kInvalidArgument.

#ifndef LSM_DB_DB_IMPL_H_
#define LSM_DB_DB_IMPL_H_

#include <atomic>
#include <memory>
#include <string>

#include "lsm/db/background.h"
#include "lsm/db/context.h"
#include "lsm/db/db.h"
#include "lsm/db/log_set.h"
#include "lsm/db/write_path.h"

namespace lsm {

class DbImpl final : public Db {
 public:
  DbImpl(Env* env, const Options& options);
  ~DbImpl() override;

  // Db::Open's work. After a failure the object may only be destroyed.
  Status Init(const std::string& path);

  Status Close() override;
  Status Write(const WriteOp& op, bool sync) override;
  Status Write(const WriteBatch& batch, bool sync) override;
  Status Get(const Snapshot* snapshot, std::string_view key, Value* value) override;
  Result<std::unique_ptr<Scan>> NewScan(const Snapshot* snapshot, KeyRangeView range) override;
  Result<std::unique_ptr<Snapshot>> NewSnapshot() override;
  Status Flush() override;
  Status CompactRange(KeyRangeView range, const ProgressFn& progress) override;
  Status WaitIdle() override;
  Result<std::string> GetProperty(std::string_view name) override;

 private:
  // A call under way; ok() tells whether it may go on.
  class Call {
   public:
    explicit Call(DbImpl* db);
    ~Call() { db_->calls_.fetch_sub(1, std::memory_order_release); }
    Call(const Call&) = delete;
    const Status& status() const { return status_; }

   private:
    DbImpl* const db_;
    Status status_;
  };

  Status StartWriting();
  Status StartReadOnly();
  void PublishReplayed(std::vector<LoggedMemTable> memtables, uint64_t first_log);
  Status CheckWritable() const;
  Status CheckSnapshot(const Snapshot* snapshot) const;
  template <typename W>
  Status WriteAny(const W& what, bool sync);
  void Release();

  DbContext context_;
  std::unique_ptr<LogSet> logs_;
  std::unique_ptr<Background> background_;
  std::unique_ptr<WritePath> write_path_;

  const uint32_t fork_generation_;
  std::atomic<bool> closed_{true};  // until Init has succeeded
  std::atomic<uint64_t> calls_{0};
  // The thread inside a progress callback must not wait for itself.
  static thread_local const DbImpl* compacting_;
};

}  // namespace lsm

#endif  // LSM_DB_DB_IMPL_H_
