// Upkeep: flush, compact, wait, properties, verify, destroy.

#include <cstdlib>
#include <cstring>
#include <string>

#include "capi/handles.h"

namespace lsm::capi {
namespace {

static_assert(LSM_PHASE_FLUSH == 0 && LSM_PHASE_MERGE == 1 && LSM_PHASE_VERIFY == 2,
              "the phases of lsm::Progress");

// A progress callback of the host's, as the engine calls it. `db` is null for lsm_verify.
ProgressFn Wrap(const lsm_db* db, lsm_progress_fn progress, void* payload) {
  if (progress == nullptr) return nullptr;
  struct Watcher {
    const lsm_db* db;
    lsm_progress_fn progress;
    void* payload;
  };
  return [watcher = Watcher{db, progress, payload}](const Progress& now) {
    const lsm_progress shown = {sizeof(lsm_progress), now.phase, now.bytes_done, now.bytes_total,
                                now.entries_done};
    const ProgressFrame frame = {watcher.db, progress_frames};
    progress_frames = &frame;
    bool cancel;
    try {
      cancel = watcher.progress(watcher.payload, &shown) != 0;
    } catch (...) {
      // A host written in C++ that threw: it must not unwind the engine, and it does not want to go
      // on.
      cancel = true;
    }
    progress_frames = frame.outer;
    return cancel;
  };
}

// A call that waits for others: refused from inside a callback of the same database.
template <typename Work>
lsm_status Upkeep(lsm_db* db, lsm_error** error, Work work) noexcept {
  return Call(error, [&]() -> Status {
    DbCall call;
    LSM_RETURN_IF_ERROR(call.Enter(db));
    LSM_RETURN_IF_ERROR(CheckNotInProgress(db));
    return work(call);
  });
}

}  // namespace
}  // namespace lsm::capi

using lsm::Status;
using lsm::capi::Call;
using lsm::capi::DbCall;
using lsm::capi::NullArgument;
using lsm::capi::Upkeep;

extern "C" {

lsm_status lsm_flush(lsm_db* db, lsm_error** error) {
  return Upkeep(db, error, [](DbCall& call) { return call->Flush(); });
}

lsm_status lsm_compact_range(lsm_db* db, const void* begin, size_t begin_size, const void* end,
                             size_t end_size, lsm_progress_fn progress, void* payload,
                             lsm_error** error) {
  return Upkeep(db, error, [&](DbCall& call) -> Status {
    lsm::KeyRangeView range;
    LSM_RETURN_IF_ERROR(lsm::capi::ReadRange(begin, begin_size, end, end_size, &range));
    return call->CompactRange(range, lsm::capi::Wrap(db, progress, payload));
  });
}

lsm_status lsm_wait_idle(lsm_db* db, lsm_error** error) {
  return Upkeep(db, error, [](DbCall& call) { return call->WaitIdle(); });
}

lsm_status lsm_property(lsm_db* db, const char* name, char** out, lsm_error** error) {
  if (out != nullptr) *out = nullptr;
  return Call(error, [&]() -> Status {
    if (out == nullptr) return NullArgument("out");
    DbCall call;
    LSM_RETURN_IF_ERROR(call.Enter(db));
    if (name == nullptr) return NullArgument("name");
    LSM_ASSIGN_OR_RETURN(const std::string text, call->GetProperty(name));
    *out = static_cast<char*>(std::malloc(text.size() + 1));
    if (*out == nullptr) return Status::OutOfMemory();
    std::memcpy(*out, text.c_str(), text.size() + 1);
    return Status::Ok();
  });
}

void lsm_string_free(char* string) { std::free(string); }

lsm_status lsm_verify(const char* path, lsm_progress_fn progress, void* payload,
                      lsm_error** error) {
  return Call(error, [&]() -> Status {
    if (path == nullptr) return NullArgument("path");
    return lsm::VerifyPath(lsm::Env::Posix(), path, lsm::capi::Wrap(nullptr, progress, payload),
                           nullptr);
  });
}

lsm_status lsm_destroy(const char* path, lsm_error** error) {
  return Call(error, [&]() -> Status {
    if (path == nullptr) return NullArgument("path");
    return lsm::DestroyDb(lsm::Env::Posix(), path);
  });
}

}  // extern "C"
