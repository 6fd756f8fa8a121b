// Status: how every call of the engine says what became of it.
//
// A Status is a code and, for failures, an immutable detail shared by its copies: a message for
// people, the errno, the file and the offset in it, and whether the same call may succeed later
// with nothing changed. OK, NotFound and End never allocate.
//
// Messages say what was wrong, what was expected and what to do; ToString() adds file and offset.
// Codes have the values of lsm.h and never change.

#ifndef LSM_BASE_STATUS_H_
#define LSM_BASE_STATUS_H_

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "lsm/base/check.h"

namespace lsm {

enum class Code : int32_t {
  kOk = 0,
  kNotFound = 1,
  kEnd = 2,
  kInvalidArgument = 10,
  kCorruption = 11,
  kIoError = 12,
  kNoSpace = 13,
  kLocked = 14,
  kReadOnly = 15,
  kClosed = 16,
  kBusy = 17,
  kAborted = 18,
  kConflict = 19,
  kOutOfMemory = 20,
  kTooLarge = 21,
  kUnsupported = 22,
  kExists = 23,
  kInternal = 99,
};

// The name lsm.h gives a code, e.g. "LSM_CORRUPTION"; "LSM_UNKNOWN" for a number that is no code.
const char* CodeName(int32_t code);

class [[nodiscard]] Status {
 public:
  static constexpr uint64_t kNoOffset = UINT64_MAX;

  Status() = default;
  explicit Status(Code code) : code_(code) {}
  Status(Code code, std::string_view message);

  static Status Ok() { return Status(); }
  static Status NotFound() { return Status(Code::kNotFound); }
  static Status End() { return Status(Code::kEnd); }
  static Status OutOfMemory() { return Status(Code::kOutOfMemory); }
  static Status InvalidArgument(std::string_view message) {
    return Status(Code::kInvalidArgument, message);
  }
  static Status Internal(std::string_view message) { return Status(Code::kInternal, message); }
  // `file` is a path as the user would type it; `offset` counts bytes from its start.
  static Status Corruption(std::string_view file, uint64_t offset, std::string_view message);
  // A failed system call: `operation` such as "open"; the code follows from the errno (ENOSPC and
  // EDQUOT are kNoSpace, ENOMEM is kOutOfMemory, everything else kIoError), and so does
  // retryable().
  static Status FromErrno(int errnum, std::string_view operation, std::string_view file,
                          uint64_t offset = kNoOffset);

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  bool Is(Code code) const { return code_ == code; }

  // "" where there is no detail.
  std::string_view message() const;
  // 0: none.
  int errnum() const;
  // "": none.
  std::string_view file() const;
  // kNoOffset: none.
  uint64_t offset() const;
  // The same call may succeed later with nothing changed.
  bool retryable() const;

  // The same failure with the cause's detail kept and `context` put before its message.
  Status WithContext(std::string_view context) const;
  // The same failure under another code, e.g. a lock that is held: kLocked.
  Status WithCode(Code code) const;
  Status WithRetryable(bool retryable) const;

  // "message (file FILE, offset N)": one line, as a person should read it.
  std::string ToString() const;

 private:
  struct Detail {
    std::string message;
    std::string file;
    uint64_t offset = kNoOffset;
    int errnum = 0;
    bool retryable = false;
  };

  Detail CopyDetail() const {
    return detail_ != nullptr ? *detail_ : Detail{.retryable = retryable()};
  }
  void SetDetail(Detail detail) { detail_ = std::make_shared<const Detail>(std::move(detail)); }

  Code code_ = Code::kOk;
  std::shared_ptr<const Detail> detail_;
};

// Runs `work`, a callable that returns a Status; kOutOfMemory where memory runs out in it. Of the
// locks that it says it needs, clang's analysis cannot know here that the caller holds them.
template <typename Work>
Status CatchOutOfMemory(Work work) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return Status::OutOfMemory();
  }
}

// explain(cause): `cause` with more words; as it is where there is no memory for them.
template <typename Explain>
Status Explained(const Status& cause, Explain explain) {
  const Status explained = CatchOutOfMemory([&] { return explain(cause); });
  return explained.Is(cause.code()) ? explained : cause;
}

// `cause` as what ended something for good: with `context` before its message and not to be
// retried; as it is where there is no memory for the words.
Status FinalStatus(const Status& cause, std::string_view context);

// A T, or the Status that says why there is none. status() is OK exactly when there is a value.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(Status status) : status_(std::move(status)) { LSM_DCHECK(!status_.ok()); }  // NOLINT
  Result(T value) : value_(std::move(value)) {}                                      // NOLINT

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  // Moves the value out. REQUIRES: ok().
  T Take() { return std::move(*value_); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace lsm

// Returns early with a failed Status.
#define LSM_RETURN_IF_ERROR(expression)       \
  do {                                        \
    ::lsm::Status lsm_status_ = (expression); \
    if (!lsm_status_.ok()) [[unlikely]]       \
      return lsm_status_;                     \
  } while (false)

#define LSM_CONCAT_INNER_(a, b) a##b
#define LSM_CONCAT_(a, b) LSM_CONCAT_INNER_(a, b)

// Declares or assigns `lhs` from a Result, or returns early with its Status.
#define LSM_ASSIGN_OR_RETURN(lhs, expression) \
  LSM_ASSIGN_OR_RETURN_IMPL_(LSM_CONCAT_(lsm_result_, __LINE__), lhs, expression)
#define LSM_ASSIGN_OR_RETURN_IMPL_(result, lhs, expression) \
  auto result = (expression);                               \
  if (!result.ok()) [[unlikely]]                            \
    return result.status();                                 \
  lhs = result.Take()

#endif  // LSM_BASE_STATUS_H_
