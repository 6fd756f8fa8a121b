// Db: an open database. What lsm.h offers, in C++: capi/ is a thin skin over this class.
//
// Calls may come from all threads at once. Reads take no lock. After Close() every call answers
// kClosed; Scans and Snapshots that are still out may be destroyed later, and what EpochGuards or
// references keep readable stays readable.
//
// Lock order and threads: lsm/README.md.

#ifndef LSM_DB_DB_H_
#define LSM_DB_DB_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "lsm/base/entry.h"
#include "lsm/base/epoch.h"
#include "lsm/base/options.h"
#include "lsm/base/status.h"
#include "lsm/base/write_batch.h"
#include "lsm/db/scan.h"
#include "lsm/db/snapshot.h"
#include "lsm/env/env.h"

namespace lsm {

// How far a long operation is. Counters only grow within a phase, phases never go back.
struct Progress {
  uint32_t phase = 0;  // 0: flushing memtables, 1: merging, 2: verifying
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;
  uint64_t entries_done = 0;
};
// Called on the thread of the caller; true cancels the operation, which then answers kAborted.
using ProgressFn = std::function<bool(const Progress&)>;

// [begin, end); InfiniteKey() as end: no upper bound.
struct KeyRangeView {
  std::string_view begin;
  std::string_view end;
};

class Db {
 public:
  // Opens or creates the database in directory `path`, replaying its log.
  static Result<std::shared_ptr<Db>> Open(Env* env, const std::string& path,
                                          const Options& options);
  virtual ~Db() = default;

  // Waits for what runs (calls of other threads, background work), then releases files, threads and
  // the lock. Always closes; answers what had failed in the background before. A second call:
  // kClosed.
  virtual Status Close() = 0;

  // `sync`: durable against power loss on return. A single put or deletion: op.kind is not
  // kRangeDelete; sizes are checked here.
  virtual Status Write(const WriteOp& op, bool sync) = 0;
  virtual Status Write(const WriteBatch& batch, bool sync) = 0;

  struct Value {
    std::string_view data;
    // What keeps `data` readable beyond the EpochGuard if TryRef() succeeds; null or refused: copy
    // it.
    const RefCounted* owner = nullptr;
  };
  // kNotFound where there is no such key. `snapshot` null: the latest state. REQUIRES: inside an
  // EpochGuard, until the end of which `value` is readable; `snapshot` is this database's.
  virtual Status Get(const Snapshot* snapshot, std::string_view key, Value* value) = 0;

  // A consistent view of [range.begin, range.end) at the snapshot or now; it keeps its bounds by
  // value.
  virtual Result<std::unique_ptr<Scan>> NewScan(const Snapshot* snapshot, KeyRangeView range) = 0;

  // Pins the state of now for reads. Destroy it with the pointer, before or after Close().
  virtual Result<std::unique_ptr<Snapshot>> NewSnapshot() = 0;

  // All that was written before the call stands in tables, durably, on return.
  virtual Status Flush() = 0;
  // One sorted run in [range.begin, range.end), without what no snapshot needs. `progress` may be
  // null. One at a time: a second caller waits its turn. From inside `progress`: kBusy.
  virtual Status CompactRange(KeyRangeView range, const ProgressFn& progress) = 0;
  // Until neither flush nor compaction has anything left to do, convergence included.
  virtual Status WaitIdle() = 0;

  // The text of a property; kInvalidArgument, listing the known ones, for another name.
  virtual Result<std::string> GetProperty(std::string_view name) = 0;
};

// Checks every byte of the database in directory `path`, or of one table file, and changes nothing.
// `on_damage` (nullable) is called for each damage with its status and the keys at stake (both
// empty where they cannot be told); the first one is returned. Reads without mapping.
using DamageFn =
    std::function<void(const Status&, std::string_view first_key, std::string_view last_key)>;
Status VerifyPath(Env* env, const std::string& path, const ProgressFn& progress,
                  const DamageFn& on_damage);

// Removes the database's files, and the directory where nothing else is left in it. OK where there
// is none; kLocked where it is open.
Status DestroyDb(Env* env, const std::string& path);

}  // namespace lsm

#endif  // LSM_DB_DB_H_
