#include "lsm/base/status.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace lsm {
namespace {

bool IsRetryable(int errnum) {
  switch (errnum) {
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EAGAIN:
    case EINTR:
      return true;
    default:
      return false;
  }
}

Code CodeOfErrno(int errnum) {
  switch (errnum) {
    case ENOSPC:
    case EDQUOT:
      return Code::kNoSpace;
    case ENOMEM:
      return Code::kOutOfMemory;
    default:
      return Code::kIoError;
  }
}

}  // namespace

const char* CodeName(int32_t code) {
  switch (static_cast<Code>(code)) {
    case Code::kOk:
      return "LSM_OK";
    case Code::kNotFound:
      return "LSM_NOT_FOUND";
    case Code::kEnd:
      return "LSM_END";
    case Code::kInvalidArgument:
      return "LSM_INVALID_ARGUMENT";
    case Code::kCorruption:
      return "LSM_CORRUPTION";
    case Code::kIoError:
      return "LSM_IO_ERROR";
    case Code::kNoSpace:
      return "LSM_NO_SPACE";
    case Code::kLocked:
      return "LSM_LOCKED";
    case Code::kReadOnly:
      return "LSM_READ_ONLY";
    case Code::kClosed:
      return "LSM_CLOSED";
    case Code::kBusy:
      return "LSM_BUSY";
    case Code::kAborted:
      return "LSM_ABORTED";
    case Code::kConflict:
      return "LSM_CONFLICT";
    case Code::kOutOfMemory:
      return "LSM_OUT_OF_MEMORY";
    case Code::kTooLarge:
      return "LSM_TOO_LARGE";
    case Code::kUnsupported:
      return "LSM_UNSUPPORTED";
    case Code::kExists:
      return "LSM_EXISTS";
    case Code::kInternal:
      return "LSM_INTERNAL";
  }
  return "LSM_UNKNOWN";
}

Status::Status(Code code, std::string_view message) : code_(code) {
  SetDetail({.message = std::string(message), .retryable = code == Code::kOutOfMemory});
}

Status Status::Corruption(std::string_view file, uint64_t offset, std::string_view message) {
  Status status(Code::kCorruption);
  status.SetDetail({.message = std::string(message), .file = std::string(file), .offset = offset});
  return status;
}

Status Status::FromErrno(int errnum, std::string_view operation, std::string_view file,
                         uint64_t offset) {
  Status status(CodeOfErrno(errnum));
  status.SetDetail(
      {.message = absl::StrCat(operation, ": ", std::generic_category().message(errnum)),
       .file = std::string(file),
       .offset = offset,
       .errnum = errnum,
       .retryable = IsRetryable(errnum)});
  return status;
}

std::string_view Status::message() const {
  return detail_ != nullptr ? std::string_view(detail_->message) : std::string_view();
}

int Status::errnum() const { return detail_ != nullptr ? detail_->errnum : 0; }

std::string_view Status::file() const {
  return detail_ != nullptr ? std::string_view(detail_->file) : std::string_view();
}

uint64_t Status::offset() const { return detail_ != nullptr ? detail_->offset : kNoOffset; }

bool Status::retryable() const {
  return detail_ != nullptr ? detail_->retryable : code_ == Code::kOutOfMemory;
}

Status Status::WithContext(std::string_view context) const {
  if (ok()) return *this;
  Status status(code_);
  Detail detail = CopyDetail();
  detail.message =
      detail.message.empty() ? std::string(context) : absl::StrCat(context, ": ", detail.message);
  status.SetDetail(std::move(detail));
  return status;
}

Status Status::WithCode(Code code) const {
  Status status = *this;
  status.code_ = code;
  return status;
}

Status Status::WithRetryable(bool retryable) const {
  Status status(code_);
  Detail detail = CopyDetail();
  detail.retryable = retryable;
  status.SetDetail(std::move(detail));
  return status;
}

std::string Status::ToString() const {
  if (detail_ == nullptr) return CodeName(static_cast<int32_t>(code_));
  std::string text = detail_->message;
  if (detail_->file.empty()) return text;
  absl::StrAppend(&text, " (file ", detail_->file);
  if (detail_->offset != kNoOffset) absl::StrAppend(&text, ", offset ", detail_->offset);
  text += ')';
  return text;
}

Status FinalStatus(const Status& cause, std::string_view context) {
  return Explained(cause, [context](const Status& status) {
    return status.WithContext(context).WithRetryable(false);
  });
}

}  // namespace lsm
