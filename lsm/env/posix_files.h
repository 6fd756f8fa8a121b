// Readable and writable files over file descriptors.

#ifndef LSM_ENV_POSIX_FILES_H_
#define LSM_ENV_POSIX_FILES_H_

#include <memory>
#include <string>

#include "lsm/env/env.h"
#include "lsm/env/posix_util.h"

namespace lsm::internal {

std::unique_ptr<ReadableFile> NewPosixReadableFile(RegularFile file, std::string path);
// REQUIRES: the file is new and empty.
std::unique_ptr<WritableFile> NewPosixWritableFile(FileDescriptor fd, std::string path);

}  // namespace lsm::internal

#endif  // LSM_ENV_POSIX_FILES_H_
