#include "lsm/env/env_status.h"

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace lsm::internal {

Status CheckName(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos ||
      name.find('\0') != name.npos) {
    return Status::InvalidArgument(
        absl::StrCat("\"", name, "\" is no file name: expected a single path component"));
  }
  return Status::Ok();
}

Status CheckReadRange(std::string_view path, uint64_t offset, uint64_t size, uint64_t file_size) {
  if (offset <= file_size && size <= file_size - offset) return Status::Ok();
  return Status::Corruption(path, offset,
                            absl::StrCat("expected ", size, " bytes here, but the file ends at ",
                                         file_size, "; it was cut short or is not the one meant"));
}

Status CheckLogRange(std::string_view path, uint64_t offset, uint64_t size, uint64_t file_size) {
  if (size > 0 && offset <= file_size && size <= file_size - offset) return Status::Ok();
  return Status::Internal(absl::StrCat("cannot reserve ", size, " bytes at ", offset,
                                       " of the log segment ", path, ", which has ", file_size));
}

Status NotARegularFile(std::string_view path, std::string_view found) {
  return Status::Corruption(path, Status::kNoOffset,
                            absl::StrCat("expected a regular file, found ", found));
}

Status NameTaken(std::string_view path) {
  return Status::FromErrno(EEXIST, "create", path).WithCode(Code::kExists);
}

Status DirectoryInUse(std::string_view path) {
  return Status::FromErrno(EWOULDBLOCK, "lock", path)
      .WithCode(Code::kLocked)
      .WithContext("the directory is in use by another process or another handle of this one");
}

Status AlreadyLocked(std::string_view path) {
  return Status::Internal(absl::StrCat("lock: this handle has already locked ", path));
}

}  // namespace lsm::internal
