// The failures that every Env must put in the same words.

#ifndef LSM_ENV_ENV_STATUS_H_
#define LSM_ENV_ENV_STATUS_H_

#include <cstdint>
#include <string_view>

#include "lsm/base/status.h"

namespace lsm::internal {

// OK where `name` is a single component that can name a file; else kInvalidArgument.
Status CheckName(std::string_view name);
// OK where [offset, offset + size) lies inside a file of `file_size` bytes; else kCorruption.
Status CheckReadRange(std::string_view path, uint64_t offset, uint64_t size, uint64_t file_size);
// OK where [offset, offset + size) lies inside a log segment of `file_size` bytes and is not empty;
// else kInternal.
Status CheckLogRange(std::string_view path, uint64_t offset, uint64_t size, uint64_t file_size);

// `found`: what stands at `path`, such as "a directory".
Status NotARegularFile(std::string_view path, std::string_view found);
Status NameTaken(std::string_view path);
Status DirectoryInUse(std::string_view path);
Status AlreadyLocked(std::string_view path);

}  // namespace lsm::internal

#endif  // LSM_ENV_ENV_STATUS_H_
