// Errors: what lsm_error holds, how a Status becomes one, and what the checks of handles.h answer.

#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "absl/strings/str_cat.h"
#include "capi/handles.h"

// One allocation: the struct, then message and file, each with its NUL.
struct lsm_error {
  lsm_status code;
  int32_t errnum;
  uint64_t offset;
  int32_t retryable;
  bool is_static;
  const char* message;
  const char* file;  // null: none
};

namespace lsm::capi {
namespace {

constexpr char kNoMemory[] = "memory ran out; nothing was changed";
constexpr char kLost[] = "memory ran out while this error was put together; its details are lost";

constexpr lsm_error StaticError(Code code, const char* message, bool retryable) {
  return {static_cast<lsm_status>(code), 0, UINT64_MAX, retryable, true, message, nullptr};
}

// What is handed out when there is no memory for an error: one for each code.
constinit lsm_error static_errors[] = {
    StaticError(Code::kInternal, kLost, false),   StaticError(Code::kInvalidArgument, kLost, false),
    StaticError(Code::kCorruption, kLost, false), StaticError(Code::kIoError, kLost, false),
    StaticError(Code::kNoSpace, kLost, true),     StaticError(Code::kLocked, kLost, true),
    StaticError(Code::kReadOnly, kLost, false),   StaticError(Code::kClosed, kLost, false),
    StaticError(Code::kBusy, kLost, false),       StaticError(Code::kAborted, kLost, false),
    StaticError(Code::kConflict, kLost, false),   StaticError(Code::kOutOfMemory, kNoMemory, true),
    StaticError(Code::kTooLarge, kLost, false),   StaticError(Code::kUnsupported, kLost, false),
    StaticError(Code::kExists, kLost, false),
};

lsm_error* StaticErrorOf(Code code) {
  for (lsm_error& error : static_errors) {
    if (error.code == static_cast<lsm_status>(code)) return &error;
  }
  return &static_errors[0];
}

char* CopyText(std::string_view text, char* to) {
  std::memcpy(to, text.data(), text.size());
  to[text.size()] = '\0';
  return to + text.size() + 1;
}

lsm_error* MakeError(const Status& status) {
  // A failure without words of its own still says what it is.
  std::string message = status.ToString();
  if (status.Is(Code::kOutOfMemory) && status.message().empty()) message = kNoMemory;
  const std::string_view file = status.file();
  void* memory = std::malloc(sizeof(lsm_error) + message.size() + 1 + file.size() + 1);
  if (memory == nullptr) return StaticErrorOf(status.code());
  auto* error = new (memory) lsm_error{static_cast<lsm_status>(status.code()),
                                       status.errnum(),
                                       status.offset(),
                                       status.retryable(),
                                       /*is_static=*/false,
                                       nullptr,
                                       nullptr};
  char* text = reinterpret_cast<char*>(error + 1);
  error->message = text;
  text = CopyText(message, text);
  if (!file.empty()) {
    error->file = text;
    CopyText(file, text);
  }
  return error;
}

}  // namespace

constinit thread_local const ProgressFrame* progress_frames = nullptr;

lsm_status Fail(const Status& status, lsm_error** error) noexcept {
  if (error != nullptr) {
    try {
      *error = MakeError(status);
    } catch (...) {
      *error = StaticErrorOf(status.code());
    }
  }
  return static_cast<lsm_status>(status.code());
}

Status CaughtStatus() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return Status::OutOfMemory();
  } catch (const std::length_error&) {
    // A container was asked for more than could ever be addressed.
    return Status::OutOfMemory();
  } catch (const std::exception& exception) {
    try {
      return Status::Internal(absl::StrCat("an exception inside the library: ", exception.what(),
                                           "; please report it"));
    } catch (...) {
      return Status::OutOfMemory();
    }
  } catch (...) {
    return Status(Code::kInternal);
  }
}

Status NullArgument(std::string_view name) {
  return Status::InvalidArgument(absl::StrCat(name, " is NULL; it may not be here"));
}

Status BadHandle(std::string_view name) {
  return Status::InvalidArgument(
      absl::StrCat(name, " is no live handle of its type; it was freed, or is something else"));
}

Status UnknownFlags(uint32_t flags) {
  return Status::InvalidArgument(
      absl::StrCat("flags 0x", absl::Hex(flags), " has unknown bits; known are LSM_SYNC (0x1)"));
}

Status DeadShell(const lsm_db* db) {
  if (db == nullptr) return NullArgument("db");
  if (!db->IsMarked()) return BadHandle("db");
  return Status::InvalidArgument(
      "the database was opened before this process was forked; open it anew here, after the parent "
      "has "
      "closed it");
}

Status Closed() { return Status(Code::kClosed, "the database has been closed"); }

Status BusyInProgress(const lsm_db* db) {
  for (const ProgressFrame* frame = progress_frames; frame != nullptr; frame = frame->outer) {
    if (frame->db != nullptr && frame->db == db) {
      return Status(Code::kBusy,
                    "only reads are allowed from inside a progress callback of the same database");
    }
  }
  return Status::Ok();
}

Status ReadRange(const void* begin, size_t begin_size, const void* end, size_t end_size,
                 KeyRangeView* range) {
  if (begin == nullptr && begin_size != 0) return NullArgument("begin (with a size)");
  if (end == nullptr && end_size != 0) return NullArgument("end (with a size)");
  range->begin = View(begin, begin_size);
  range->end = end != nullptr ? View(end, end_size) : InfiniteKey();
  if (end != nullptr && range->begin > range->end) {
    return Status::InvalidArgument("the range begins after its end; swap the bounds");
  }
  // A bound as long as InfiniteKey() stands on the same side of every key that can be stored.
  range->begin = range->begin.substr(0, InfiniteKey().size());
  range->end = range->end.substr(0, InfiniteKey().size());
  return Status::Ok();
}

Status ReadSnapshot(const lsm_db* db, const lsm_snapshot* snapshot, const Snapshot** found) {
  *found = nullptr;
  if (snapshot == nullptr) return Status::Ok();
  if (!snapshot->IsMarked()) return BadHandle("snapshot");
  if (snapshot->db != db) {
    return Status::InvalidArgument("the snapshot is of another database; make one of this");
  }
  *found = snapshot->snapshot.get();
  return Status::Ok();
}

}  // namespace lsm::capi

extern "C" {

const char* lsm_status_name(lsm_status status) { return lsm::CodeName(status); }

lsm_status lsm_error_code(const lsm_error* error) {
  return error != nullptr ? error->code : LSM_OK;
}

const char* lsm_error_message(const lsm_error* error) {
  return error != nullptr ? error->message : "";
}

int32_t lsm_error_errno(const lsm_error* error) { return error != nullptr ? error->errnum : 0; }

const char* lsm_error_file(const lsm_error* error) {
  return error != nullptr ? error->file : nullptr;
}

uint64_t lsm_error_offset(const lsm_error* error) {
  return error != nullptr ? error->offset : UINT64_MAX;
}

int32_t lsm_error_retryable(const lsm_error* error) {
  return error != nullptr ? error->retryable : 0;
}

void lsm_error_free(lsm_error* error) {
  if (error != nullptr && !error->is_static) std::free(error);
}

}  // extern "C"
