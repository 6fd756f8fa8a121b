// Log segments on a POSIX file system, of two kinds.
//
// Mapped: the file's blocks are allocated, then it is written through a window of the page cache.
// Only file systems that write allocated blocks in place are trusted with it (ext4, xfs, tmpfs):
// where blocks are copied on write, a full disk would be met in the middle of a store, as a SIGBUS.
//
// Buffered, for all others: a private buffer, written out by each Commit.
//
// The window is 2 MiB, up to a multiple of 2 MiB in the file (a record that lies across stretches
// it), and nothing is asked of the kernel beyond that. Measured on ext4: an append of 128 bytes is
// 160 to 200 ns of CPU through windows of 1 MiB and less, but 27 ns (57 where the blocks were never
// written) from 2 MiB on, where the kernel can align the window and map large pieces of the page
// cache at once. Huge pages by advice are faster still, but then each Sync writes 2 MiB; mapping
// ahead, or advising random access, is slower. tests/env/log_file_bench.cc measures what is here.

#ifndef LSM_ENV_POSIX_LOG_FILE_H_
#define LSM_ENV_POSIX_LOG_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "lsm/env/env.h"
#include "lsm/env/posix_util.h"

namespace lsm::internal {

enum class LogAccess { kMapped, kBuffered };

// Brings the file's size to `size` at least and takes its blocks, so far as the file system lets
// them be taken. Answers how the segment may be written.
Result<LogAccess> AllocateLog(int fd, uint64_t old_size, uint64_t size, std::string_view path);

// `file.size` is the segment's size. REQUIRES for kMapped: AllocateLog said so.
std::unique_ptr<LogFile> NewPosixLogFile(RegularFile file, std::string path, LogAccess access);

}  // namespace lsm::internal

#endif  // LSM_ENV_POSIX_LOG_FILE_H_
