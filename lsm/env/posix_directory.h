// A directory on a POSIX file system: everything in it is reached through its descriptor, so that
// it may be renamed while it is open.
//
// The lock is flock(2) on that descriptor. It belongs to the open file description: two openings
// exclude each other within a process as they do between processes, closing one lets go of that one
// only, and it needs neither a file nor permission to write.

#ifndef LSM_ENV_POSIX_DIRECTORY_H_
#define LSM_ENV_POSIX_DIRECTORY_H_

#include <memory>
#include <string>

#include "lsm/env/env.h"
#include "lsm/env/posix_util.h"

namespace lsm::internal {

std::unique_ptr<Directory> NewPosixDirectory(FileDescriptor fd, std::string path);

// fsync of a directory.
Status SyncDirectory(int fd, std::string_view path);

}  // namespace lsm::internal

#endif  // LSM_ENV_POSIX_DIRECTORY_H_
