// Env: everything the engine asks of the operating system. No other room makes a system call, reads
// a clock or starts a thread, so that tests can put another world under the whole engine.
//
// Names are single components inside one directory; files are opened relative to it, never through
// a symlink, and must be regular files (anything else is kCorruption, at once). What is created has
// mode 0600, directories 0700. Every failure is a Status that names the file and, where there is
// one, the offset; EINTR and short transfers are handled inside.
//
// Durability, as POSIX gives it: a file's bytes are durable after Sync; that the file exists, or
// bears its name, only after Directory::Sync.
//
// Thread safety: Env and Directory may be used by all threads; a file by one thread at a time
// unless its class says otherwise. A Directory outlives the files opened through it; an Env
// outlives everything.

#ifndef LSM_ENV_ENV_H_
#define LSM_ENV_ENV_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/base/status.h"

namespace lsm {

// Read-only memory that shows a whole file. Unmapped when destroyed; any thread may read it. What a
// WritableFile wrote begins at a multiple of kAlignment.
class FileMapping {
 public:
  static constexpr uint64_t kAlignment = 64;

  virtual ~FileMapping() = default;
  const char* data() const { return data_; }
  uint64_t size() const { return size_; }

  // A hint that these bytes will be read soon; nothing depends on it.
  virtual void Prefetch(uint64_t offset, uint64_t size) = 0;

 protected:
  const char* data_ = nullptr;
  uint64_t size_ = 0;
};

// An immutable file. Any thread may read it.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  const std::string& path() const { return path_; }
  // At the time of opening.
  uint64_t size() const { return size_; }

  // Fills buffer with [offset, offset + size); kCorruption where the file ends before.
  virtual Status Read(uint64_t offset, size_t size, char* buffer) = 0;
  // Of all size() bytes. The mapping lives on after the file is closed or removed. An I/O error
  // under it is a SIGBUS.
  virtual Result<std::unique_ptr<FileMapping>> Map() = 0;
  // Makes durable what the file holds, whoever wrote it.
  virtual Status Sync() = 0;
  // Where, from `offset` on, bytes other than zeros may come next, at most size(): what lies before
  // takes no space. `offset` itself where nobody knows.
  virtual uint64_t SkipHole(uint64_t offset) { return offset; }

 protected:
  std::string path_;
  uint64_t size_ = 0;
};

// A new file, written from front to back. Unbuffered: the caller gathers large pieces.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }

  // After a failure size() is what it was, whatever part of the bytes is in the file.
  virtual Status Append(std::string_view bytes) = 0;
  virtual Status Sync() = 0;
  // Reports what the destructor would swallow. No call may follow.
  virtual Status Close() = 0;

 protected:
  std::string path_;
  uint64_t size_ = 0;
};

// A log segment: a file of fixed size whose blocks are allocated before it is used. Bytes are put
// where Reserve points and are then committed: from Commit on they survive the process, from Sync
// on the power.
//
// Where the file system promises that allocated blocks stay (ext4, xfs, tmpfs), Reserve points into
// a small mapped window of the file and Commit costs nothing; elsewhere it points into a private
// buffer that Commit writes out. A full disk is met when the segment is made, not later.
//
// One thread reserves and commits; another may Sync at the same time.
class LogFile {
 public:
  virtual ~LogFile() = default;
  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }

  // Memory for [offset, offset + size), valid until the next Reserve. REQUIRES: inside the file and
  // not empty, offset not below that of the last Reserve.
  virtual Result<char*> Reserve(uint64_t offset, size_t size) = 0;
  // REQUIRES: the range of the last Reserve or its beginning.
  virtual Status Commit(uint64_t offset, size_t size) = 0;
  // Makes all that is committed in [begin, end) durable: the range, not the file.
  virtual Status Sync(uint64_t begin, uint64_t end) = 0;
  // Gives the blocks from `offset` on back to the file system, where it takes them: the size stays,
  // the bytes become zeros. REQUIRES: nothing is committed behind `offset`, or will be.
  virtual void ReleaseTail(uint64_t offset) { (void)offset; }

 protected:
  std::string path_;
  uint64_t size_ = 0;
};

struct DirectoryEntry {
  std::string name;
  uint64_t size = 0;
  bool is_regular_file = false;
};

class Directory {
 public:
  enum class LockKind { kShared, kExclusive };

  virtual ~Directory() = default;
  // As it was given to OpenDirectory; for messages.
  const std::string& path() const { return path_; }
  std::string PathOf(std::string_view name) const { return path_ + "/" + std::string(name); }

  // Locks the directory against other Directory objects, in this process or another, whatever path
  // they came by: one exclusive holder or many shared ones. kLocked (retryable) where it is taken.
  // Held until this object is destroyed.
  virtual Status Lock(LockKind kind) = 0;

  // Without "." and "..", in no order.
  virtual Result<std::vector<DirectoryEntry>> List() = 0;
  virtual Result<std::unique_ptr<ReadableFile>> OpenForReading(std::string_view name) = 0;
  // kExists (EEXIST) where the name is taken.
  virtual Result<std::unique_ptr<WritableFile>> Create(std::string_view name) = 0;
  // A new segment, zero-filled, its blocks allocated.
  virtual Result<std::unique_ptr<LogFile>> CreateLog(std::string_view name, uint64_t size) = 0;
  // The segment `old_name` under a new name; it keeps its bytes, and grows where it is smaller than
  // `size` (the result's size() is what it has then). REQUIRES: nobody reads the old one.
  virtual Result<std::unique_ptr<LogFile>> ReuseLog(std::string_view old_name,
                                                    std::string_view new_name, uint64_t size) = 0;
  // Replaces `to` where it exists.
  virtual Status Rename(std::string_view from, std::string_view to) = 0;
  virtual Status Remove(std::string_view name) = 0;
  virtual Status Sync() = 0;
  // What the file system has left for this user, in bytes.
  virtual Result<uint64_t> FreeBytes() = 0;

 protected:
  std::string path_;
};

// Runs functions on threads of its own, in the order they came.
class Executor {
 public:
  // Runs what was scheduled, then ends the threads.
  virtual ~Executor() = default;
  // `work` throws nothing.
  virtual void Schedule(std::function<void()> work) = 0;
};

class Env {
 public:
  virtual ~Env() = default;
  // The operating system's. Never deleted.
  static Env* Posix();

  enum class OpenMode { kMustExist, kCreateIfMissing };
  // `created` (nullable) tells whether the directory was made by this call; its parent is then
  // synced. ENOENT where it is missing (or, creating, its parent); ENOTDIR where the path is no
  // directory.
  virtual Result<std::unique_ptr<Directory>> OpenDirectory(const std::string& path, OpenMode mode,
                                                           bool* created) = 0;
  // The directory, if it is empty.
  virtual Status RemoveDirectory(const std::string& path) = 0;
  // A single file outside any database, for tools; a symlink on the way is followed.
  virtual Result<std::unique_ptr<ReadableFile>> OpenFile(const std::string& path) = 0;
  // kIoError with ENOENT, or what the path is.
  enum class PathKind { kFile, kDirectory, kOther };
  virtual Result<PathKind> Classify(const std::string& path) = 0;

  // Monotonic, in microseconds.
  virtual uint64_t NowMicros() = 0;
  virtual void SleepMicros(uint64_t micros) = 0;
  virtual Result<std::unique_ptr<Executor>> NewExecutor(const std::string& name,
                                                        uint64_t threads) = 0;
};

// How many forks lie between the process that loaded the library and this one: a handle that
// remembers the number of its birth can tell that it was inherited. Costs one load.
uint32_t ForkGeneration();

}  // namespace lsm

#endif  // LSM_ENV_ENV_H_
