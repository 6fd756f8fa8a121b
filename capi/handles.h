// The checked handles behind lsm.h, and the one way in and out of every call.
//
// A handle begins with a mark that says what it is. A database handle is a shell that is never
// freed: it knows the open database as long as there is one, so that it can answer LSM_CLOSED for
// ever after. Children (iterators, snapshots) know their shell, and through it whether they are
// still served.
//
// Invariants:
// 1. A shell outlives everything: a pointer to one is always readable. Shells hang in one list,
// which
//    also keeps them reachable for leak checkers.
// 2. OpenDb is reached through lsm_db::open alone. Whoever uses it either stands in an EpochGuard
// that
//    began before `open` was loaded, or holds a reference taken inside such a guard (DbCall).
// 3. A call that may wait (for the disk, for other threads) or call back holds a reference, not a
// guard:
//    a guard delays the release of everybody's memory.
// 4. After fork, nothing inherited is touched: no call gets past CheckShell, no free function past
// it
//    either, since a lock in the engine may have been held by a thread that the child does not
//    have.

#ifndef LSM_CAPI_HANDLES_H_
#define LSM_CAPI_HANDLES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "capi/lsm.h"
#include "lsm/base/epoch.h"
#include "lsm/base/options.h"
#include "lsm/base/status.h"
#include "lsm/base/write_batch.h"
#include "lsm/db/db.h"
#include "lsm/env/env.h"

namespace lsm::capi {

// An open database, until lsm_close and the last call under way have let go of it.
struct OpenDb final : RefCounted {
  explicit OpenDb(std::shared_ptr<Db> opened) : db(std::move(opened)) {}
  const std::shared_ptr<Db> db;
};

// Four letters at the start of a handle, gone when it is freed.
enum class Mark : uint32_t {
  kFreed = 0,
  kDb = 0x62'64'6d'73,
  kOptions = 0x74'70'6f'73,
  kBatch = 0x74'61'62'73,
  kSnapshot = 0x70'6e'73'73,
  kIter = 0x72'74'69'73,
};

template <Mark kMark>
struct Handle {
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { mark.store(Mark::kFreed, std::memory_order_relaxed); }

  bool IsMarked() const { return mark.load(std::memory_order_relaxed) == kMark; }

  std::atomic<Mark> mark{kMark};
};

// True where a pointer is not null and points to a handle of its type.
template <typename T>
bool IsHandle(const T* handle) {
  return handle != nullptr && handle->IsMarked();
}

}  // namespace lsm::capi

// ---- The types that lsm.h declares ----

struct lsm_db : lsm::capi::Handle<lsm::capi::Mark::kDb> {
  // Of the process that opened it.
  const uint32_t fork_generation = lsm::ForkGeneration();
  // Null before it is opened and from lsm_close on.
  std::atomic<lsm::capi::OpenDb*> open{nullptr};
  lsm_db* next_shell = nullptr;
};
static_assert(sizeof(lsm_db) < 256, "a promise of lsm.h");

struct lsm_options : lsm::capi::Handle<lsm::capi::Mark::kOptions> {
  lsm::Options options;
};

struct lsm_batch : lsm::capi::Handle<lsm::capi::Mark::kBatch> {
  lsm::WriteBatch batch;
};

struct lsm_snapshot : lsm::capi::Handle<lsm::capi::Mark::kSnapshot> {
  lsm_snapshot(const lsm_db* shell, std::unique_ptr<lsm::Snapshot> pinned)
      : db(shell), snapshot(std::move(pinned)) {}
  const lsm_db* const db;
  std::unique_ptr<lsm::Snapshot> snapshot;
};

struct lsm_iter : lsm::capi::Handle<lsm::capi::Mark::kIter> {
  lsm_iter(const lsm_db* shell, std::unique_ptr<lsm::Scan> made)
      : db(shell), scan(std::move(made)) {}
  const lsm_db* const db;
  std::unique_ptr<lsm::Scan> scan;
  // A move was left half-way by an exception; only a seek may follow.
  bool is_lost = false;
};

namespace lsm::capi {

// ---- In and out of a call ----

// Hands `status` to the caller: sets *error (nullable) as lsm.h promises, and answers the code.
[[gnu::cold]] lsm_status Fail(const Status& status, lsm_error** error) noexcept;

inline lsm_status Finish(const Status& status, lsm_error** error) noexcept {
  if (status.code() > Code::kEnd) [[unlikely]]
    return Fail(status, error);
  if (error != nullptr) *error = nullptr;
  return static_cast<lsm_status>(status.code());
}

// What a caught exception means: kOutOfMemory where memory ran out, else kInternal. REQUIRES:
// called from a catch clause.
[[gnu::cold]] Status CaughtStatus() noexcept;

// Runs the body of a call, a callable that returns a Status: exceptions end here.
template <typename Body>
lsm_status Call(lsm_error** error, Body body) noexcept {
  try {
    return Finish(body(), error);
  } catch (...) {
    return Fail(CaughtStatus(), error);
  }
}

// Makes a handle or answers null where memory ran out.
template <typename T>
T* MakeHandle() noexcept {
  try {
    return new T;
  } catch (...) {
    return nullptr;
  }
}

// ---- Arguments ----

[[gnu::cold]] Status NullArgument(std::string_view name);
[[gnu::cold]] Status BadHandle(std::string_view name);
[[gnu::cold]] Status UnknownFlags(uint32_t flags);

inline std::string_view View(const void* data, size_t size) {
  return data != nullptr ? std::string_view(static_cast<const char*>(data), size)
                         : std::string_view("", 0);
}

// A key or a value: null only with size 0. `*view` is never null.
inline Status ReadBytes(std::string_view name, const void* data, size_t size,
                        std::string_view* view) {
  if (data == nullptr && size != 0) [[unlikely]]
    return NullArgument(name);
  *view = View(data, size);
  return Status::Ok();
}

// A range: null is unbounded on either side; bounds of any size are cut to what tells keys apart.
Status ReadRange(const void* begin, size_t begin_size, const void* end, size_t end_size,
                 KeyRangeView* range);

inline Status CheckFlags(uint32_t flags) {
  if ((flags & ~uint32_t{LSM_SYNC}) != 0) [[unlikely]]
    return UnknownFlags(flags);
  return Status::Ok();
}

// ---- Databases ----

// Why a shell cannot be used at all: no handle, or inherited through fork.
[[gnu::cold]] Status DeadShell(const lsm_db* db);
inline bool IsInherited(const lsm_db* db) { return db->fork_generation != ForkGeneration(); }
inline Status CheckShell(const lsm_db* db) {
  if (!IsHandle(db) || IsInherited(db)) [[unlikely]]
    return DeadShell(db);
  return Status::Ok();
}

[[gnu::cold]] Status Closed();

// The open database, or null after lsm_close. REQUIRES: inside an EpochGuard.
inline OpenDb* LoadOpen(const lsm_db* db) { return db->open.load(std::memory_order_seq_cst); }

// An iterator or a snapshot that may be used: of its kind, not inherited, its database not closed.
template <typename T>
Status CheckChild(std::string_view name, const T* child) {
  if (!IsHandle(child)) [[unlikely]]
    return child == nullptr ? NullArgument(name) : BadHandle(name);
  if (IsInherited(child->db)) [[unlikely]]
    return DeadShell(child->db);
  if (child->db->open.load(std::memory_order_relaxed) == nullptr) [[unlikely]]
    return Closed();
  return Status::Ok();
}

// Null (nullable) or a snapshot of this database. `*found` is null for null.
Status ReadSnapshot(const lsm_db* db, const lsm_snapshot* snapshot, const Snapshot** found);

// A call that may wait: holds the database open in memory without delaying the release of anything
// else.
class DbCall {
 public:
  DbCall() = default;
  DbCall(const DbCall&) = delete;
  DbCall& operator=(const DbCall&) = delete;
  ~DbCall() {
    if (open_ != nullptr) open_->Unref();
  }

  // OK exactly when the database may be used through ->.
  Status Enter(const lsm_db* db) {
    LSM_RETURN_IF_ERROR(CheckShell(db));
    EpochGuard guard;
    OpenDb* open = LoadOpen(db);
    if (open == nullptr || !open->TryRef()) [[unlikely]]
      return Closed();
    open_ = open;
    return Status::Ok();
  }

  Db* operator->() const { return open_->db.get(); }

 private:
  const OpenDb* open_ = nullptr;
};

// ---- Progress callbacks ----

// The calls of this thread that are inside a progress callback, innermost first.
struct ProgressFrame {
  const lsm_db* db;  // null: of lsm_verify
  const ProgressFrame* outer;
};
extern constinit thread_local const ProgressFrame* progress_frames
    __attribute__((tls_model("initial-exec")));

[[gnu::cold]] Status BusyInProgress(const lsm_db* db);
// Writes and upkeep from inside a progress callback would wait for the very call that they
// interrupt.
inline Status CheckNotInProgress(const lsm_db* db) {
  if (progress_frames != nullptr) [[unlikely]]
    return BusyInProgress(db);
  return Status::Ok();
}

}  // namespace lsm::capi

#endif  // LSM_CAPI_HANDLES_H_
