// The two kinds of segments on real file systems, small and full ones among them.

#include "lsm/env/posix_log_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>

#include "lsm/base/limits.h"
#include "tests/env/env_test_util.h"

namespace lsm {
namespace {

using internal::LogAccess;
using internal::RegularFile;

RegularFile MakeFile(const std::string& path) {
  Result<RegularFile> file =
      internal::OpenRegularFile(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, path);
  EXPECT_OK(file.status());
  return file.Take();
}

void Put(LogFile* log, uint64_t offset, std::string_view bytes) {
  Result<char*> at = log->Reserve(offset, bytes.size());
  ASSERT_OK(at.status());
  std::memcpy(*at, bytes.data(), bytes.size());
  ASSERT_OK(log->Commit(offset, bytes.size()));
}

TEST(AllocateLogTest, TakesTheBlocks) {
  const ScratchDirectory scratch;
  RegularFile file = MakeFile(scratch.path() + "/log");
  ASSERT_OK(internal::AllocateLog(file.fd.get(), 0, 9'000'001, "log").status());
  struct stat info;
  ASSERT_EQ(fstat(file.fd.get(), &info), 0);
  EXPECT_EQ(info.st_size, 9'000'001);
  EXPECT_GE(info.st_blocks * 512, 9'000'001);
}

TEST(AllocateLogTest, FillsTheHolesOfACopy) {
  const ScratchDirectory scratch;
  RegularFile file = MakeFile(scratch.path() + "/log");
  ASSERT_EQ(ftruncate(file.fd.get(), 9'000'000), 0);
  ASSERT_OK(internal::AllocateLog(file.fd.get(), 9'000'000, 1'000, "log").status());
  struct stat info;
  ASSERT_EQ(fstat(file.fd.get(), &info), 0);
  EXPECT_EQ(info.st_size, 9'000'000);
  EXPECT_GE(info.st_blocks * 512, 9'000'000);
}

TEST(AllocateLogTest, MapsWhereBlocksAreWrittenInPlace) {
  const ScratchDirectory scratch;
  RegularFile file = MakeFile(scratch.path() + "/log");
  struct statfs info;
  ASSERT_EQ(fstatfs(file.fd.get(), &info), 0);
  const bool in_place = info.f_type == EXT4_SUPER_MAGIC || info.f_type == XFS_SUPER_MAGIC ||
                        info.f_type == TMPFS_MAGIC;
  Result<LogAccess> access = internal::AllocateLog(file.fd.get(), 0, 10'000, "log");
  ASSERT_OK(access.status());
  EXPECT_EQ(*access, in_place ? LogAccess::kMapped : LogAccess::kBuffered);
}

// A mapped segment is in the file before Commit is called, a buffered one is not.
TEST(PosixLogFileTest, ABufferIsWrittenByCommitAndOnlyWhatIsCommitted) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/log";
  RegularFile file = MakeFile(path);
  ASSERT_EQ(ftruncate(file.fd.get(), 100), 0);
  file.size = 100;
  const std::unique_ptr<LogFile> log =
      internal::NewPosixLogFile(std::move(file), path, LogAccess::kBuffered);
  EXPECT_EQ(log->path(), path);
  EXPECT_EQ(log->size(), 100u);

  const auto content = [&] { return ReadAll(MustOpenDirectory(scratch.path()).get(), "log"); };
  std::string expected(100, '\0');
  Result<char*> at = log->Reserve(10, 20);
  ASSERT_OK(at.status());
  std::memset(*at, 'a', 20);
  EXPECT_EQ(content(), expected);
  ASSERT_OK(log->Commit(10, 5));
  expected.replace(10, 5, "aaaaa");
  EXPECT_EQ(content(), expected);
  Put(log.get(), 15, "bb");
  expected.replace(15, 2, "bb");
  EXPECT_EQ(content(), expected);
  EXPECT_OK(log->Sync(10, 17));
  EXPECT_TRUE(log->Reserve(99, 2).status().Is(Code::kInternal));
}

TEST(PosixLogFileTest, ABufferGrowsForALargeRecordAndShrinksAgain) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/log";
  RegularFile file = MakeFile(path);
  constexpr uint64_t kSize = 8 * kMiB;
  ASSERT_EQ(ftruncate(file.fd.get(), kSize), 0);
  file.size = kSize;
  const std::unique_ptr<LogFile> log =
      internal::NewPosixLogFile(std::move(file), path, LogAccess::kBuffered);
  std::string expected;
  for (const uint64_t size : {uint64_t{100}, 3 * kMiB, uint64_t{100}, 4 * kMiB, uint64_t{1}}) {
    const std::string record(size, static_cast<char>('a' + expected.size() % 26));
    Put(log.get(), expected.size(), record);
    expected += record;
  }
  expected.resize(kSize, '\0');
  EXPECT_TRUE(ReadAll(MustOpenDirectory(scratch.path()).get(), "log") == expected);
}

TEST(PosixLogFileTest, ABufferedCommitThatFailsIsReported) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/log";
  RegularFile file = MakeFile(path);
  file.size = 100;
  // Opened once more, for reading only: every write fails.
  Result<RegularFile> read_only = internal::OpenRegularFile(AT_FDCWD, path, O_RDONLY, path);
  ASSERT_OK(read_only.status());
  read_only->size = 100;
  const std::unique_ptr<LogFile> log =
      internal::NewPosixLogFile(read_only.Take(), path, LogAccess::kBuffered);
  ASSERT_OK(log->Reserve(40, 10).status());
  const Status status = log->Commit(40, 10);
  EXPECT_EQ(status.errnum(), EBADF) << status.ToString();
  EXPECT_EQ(status.offset(), 40u);
  EXPECT_EQ(status.file(), path);
}

TEST(PosixLogFileTest, AWindowThatCannotBeMappedIsReportedAndTheOldOneStays) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer does not live without address space";
  const ScratchDirectory scratch;
  const std::unique_ptr<Directory> directory = MustOpenDirectory(scratch.path());
  const std::string path = scratch.path() + "/log";
  RegularFile file = MakeFile(path);
  ASSERT_OK(internal::AllocateLog(file.fd.get(), 0, 8 * kMiB, path).status());
  file.size = 8 * kMiB;
  const std::unique_ptr<LogFile> log =
      internal::NewPosixLogFile(std::move(file), path, LogAccess::kMapped);
  Put(log.get(), 0, "first");
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  const rlimit none = {.rlim_cur = 1, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &none), 0);
  const Status refused = log->Reserve(4 * kMiB, 100).status();
  const Result<char*> in_window = log->Reserve(5, 6);
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_TRUE(refused.Is(Code::kOutOfMemory)) << refused.ToString();
  EXPECT_TRUE(refused.retryable());
  ASSERT_OK(in_window.status());
  std::memcpy(*in_window, "second", 6);
  Put(log.get(), 4 * kMiB, "third");
  const std::string bytes = ReadAll(directory.get(), "log");
  EXPECT_EQ(bytes.substr(0, 11), "firstsecond");
  EXPECT_EQ(bytes.substr(4 * kMiB, 5), "third");
}

TEST(PosixLogFileTest, AReleasedTailReadsAsZerosAndTakesNoSpace) {
  const ScratchDirectory scratch;
  const std::unique_ptr<Directory> directory = MustOpenDirectory(scratch.path());
  for (const LogAccess access : {LogAccess::kMapped, LogAccess::kBuffered}) {
    const std::string name = access == LogAccess::kMapped ? "mapped" : "buffered";
    const std::string path = scratch.path() + "/" + name;
    RegularFile file = MakeFile(path);
    ASSERT_OK(internal::AllocateLog(file.fd.get(), 0, 4 * kMiB, path).status());
    file.size = 4 * kMiB;
    const std::unique_ptr<LogFile> log = internal::NewPosixLogFile(std::move(file), path, access);
    const std::string record(10'001, 'r');
    Put(log.get(), 0, record);
    log->ReleaseTail(record.size());
    struct stat info;
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(static_cast<uint64_t>(info.st_size), 4 * kMiB);
    EXPECT_LE(info.st_blocks * 512, 64 * 1024);
    const std::string bytes = ReadAll(directory.get(), name);
    EXPECT_EQ(bytes.substr(0, record.size()), record);
    EXPECT_EQ(bytes.find_first_not_of('\0', record.size()), std::string::npos);
    log->ReleaseTail(4 * kMiB);  // nothing to give back
  }
}

// Written through a mapping and not yet synced, bytes are no hole either.
TEST(PosixLogFileTest, WhatAReaderSkipsAsAHoleIsZeros) {
  constexpr uint64_t kSize = 1 * kMiB;
  constexpr uint64_t kAt = 700'001;
  const ScratchDirectory scratch;
  const std::unique_ptr<Directory> directory = MustOpenDirectory(scratch.path());
  Result<std::unique_ptr<LogFile>> log = directory->CreateLog("log", kSize);
  ASSERT_OK(log.status());
  Put(log->get(), kAt, "data");
  for (const bool synced : {false, true}) {
    if (synced) {
      ASSERT_OK((*log)->Sync(0, kSize));
    }
    Result<std::unique_ptr<ReadableFile>> file = directory->OpenForReading("log");
    ASSERT_OK(file.status());
    for (const uint64_t offset : {uint64_t{0}, uint64_t{4097}, kAt - 1, kAt, kAt + 3}) {
      const uint64_t data = (*file)->SkipHole(offset);
      EXPECT_GE(data, offset);
      EXPECT_LE(data, std::max(offset, kAt));
    }
    EXPECT_LE((*file)->SkipHole(kAt + 4), kSize);
    EXPECT_EQ((*file)->SkipHole(kSize), kSize);
  }
}

TEST(PosixLogFileTest, WhatIsCommittedSurvivesAKilledProcess) {
  const ScratchDirectory scratch;
  const pid_t child = fork();
  if (child == 0) {
    const std::unique_ptr<Directory> directory = MustOpenDirectory(scratch.path());
    Result<std::unique_ptr<LogFile>> log = directory->CreateLog("log", 5 * kMiB);
    for (uint64_t offset = 0; offset < 5 * kMiB; offset += 1000) {
      Put(log->get(), offset, std::string(std::min<uint64_t>(1000, 5 * kMiB - offset), 'k'));
    }
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(ReadAll(MustOpenDirectory(scratch.path()).get(), "log") ==
              std::string(5 * kMiB, 'k'));
}

// Mounts a file system over `path` in a mount namespace of the child's own and runs `body` there.
// Where the system lets nobody mount, the test is skipped, and says so.
enum class Outcome { kPassed, kFailed, kCannotMount };

Outcome OnFileSystem(const std::string& path, const char* type, const char* options,
                     const std::function<bool()>& body) {
  constexpr int kCannotMountExit = 77;
  const pid_t child = fork();
  if (child == 0) {
    if ((unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWNS | CLONE_NEWUSER) != 0) ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("lsm_test", path.c_str(), type, 0, options) != 0) {
      _exit(kCannotMountExit);
    }
    _exit(body() && !testing::Test::HasFailure() ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  if (!WIFEXITED(status)) return Outcome::kFailed;
  if (WEXITSTATUS(status) == kCannotMountExit) return Outcome::kCannotMount;
  return WEXITSTATUS(status) == 0 ? Outcome::kPassed : Outcome::kFailed;
}

// A full disk is met when the segment is made, and leaves nothing behind; one that was made can be
// filled.
bool MeetsAFullDiskEarly(const std::string& path) {
  const std::unique_ptr<Directory> directory = MustOpenDirectory(path);
  const uint64_t free_before = *directory->FreeBytes();
  if (free_before == 0 || free_before > kMiB) return false;
  const Status too_large = directory->CreateLog("large.log", 2 * kMiB).status();
  EXPECT_TRUE(too_large.Is(Code::kNoSpace)) << too_large.ToString();
  EXPECT_EQ(too_large.errnum(), ENOSPC);
  EXPECT_TRUE(too_large.retryable());
  EXPECT_EQ(too_large.file(), path + "/large.log");
  EXPECT_TRUE(directory->List()->empty());
  EXPECT_EQ(*directory->FreeBytes(), free_before);

  Result<std::unique_ptr<LogFile>> log = directory->CreateLog("1.log", 256 * kKiB);
  EXPECT_OK(log.status());
  Result<std::unique_ptr<WritableFile>> filler = directory->Create("filler");
  EXPECT_OK(filler.status());
  Status full;
  while (full.ok()) full = (*filler)->Append(std::string(4096, 'f'));
  EXPECT_TRUE(full.Is(Code::kNoSpace)) << full.ToString();
  EXPECT_EQ((*filler)->size() % 4096, 0u);
  EXPECT_EQ(*directory->FreeBytes(), 0u);

  // Every byte of the segment can still be written.
  for (uint64_t offset = 0; offset < 256 * kKiB; offset += 4096) {
    Put(log->get(), offset, std::string(4096, 'l'));
  }
  EXPECT_OK((*log)->Sync(0, 256 * kKiB));
  EXPECT_TRUE(ReadAll(directory.get(), "1.log") == std::string(256 * kKiB, 'l'));

  // It cannot grow, and stays what it is under its old name.
  const Status growth = directory->ReuseLog("1.log", "2.log", 2 * kMiB).status();
  EXPECT_TRUE(growth.Is(Code::kNoSpace)) << growth.ToString();
  EXPECT_EQ(directory->OpenForReading("2.log").status().errnum(), ENOENT);
  EXPECT_EQ(ReadAll(directory.get(), "1.log").substr(0, 256 * kKiB), std::string(256 * kKiB, 'l'));

  EXPECT_OK(directory->Remove("filler"));
  filler->reset();
  EXPECT_OK(directory->ReuseLog("1.log", "2.log", 300 * kKiB).status());
  return true;
}

TEST(PosixLogFileTest, AFullTmpfs) {
  const ScratchDirectory scratch;
  const Outcome outcome = OnFileSystem(scratch.path(), "tmpfs", "size=1m",
                                       [&] { return MeetsAFullDiskEarly(scratch.path()); });
  if (outcome == Outcome::kCannotMount) GTEST_SKIP() << "this system lets nobody mount";
  EXPECT_EQ(outcome, Outcome::kPassed);
}

// ramfs cannot allocate blocks: zeros are written, and the segment is buffered.
TEST(PosixLogFileTest, AFileSystemWithoutAllocation) {
  const ScratchDirectory scratch;
  const Outcome outcome = OnFileSystem(scratch.path(), "ramfs", nullptr, [&] {
    RegularFile file = MakeFile(scratch.path() + "/probe");
    Result<LogAccess> access = internal::AllocateLog(file.fd.get(), 0, 300 * kKiB + 1, "probe");
    EXPECT_OK(access.status());
    EXPECT_EQ(*access, LogAccess::kBuffered);
    const std::unique_ptr<Directory> directory = MustOpenDirectory(scratch.path());
    EXPECT_TRUE(ReadAll(directory.get(), "probe") == std::string(300 * kKiB + 1, '\0'));

    Result<std::unique_ptr<LogFile>> log = directory->CreateLog("1.log", 10'000);
    EXPECT_OK(log.status());
    Put(log->get(), 5'000, "hello");
    EXPECT_OK((*log)->Sync(5'000, 5'005));
    log = directory->ReuseLog("1.log", "2.log", 700'000);
    EXPECT_OK(log.status());
    Put(log->get(), 699'995, "world");
    std::string expected(700'000, '\0');
    expected.replace(5'000, 5, "hello");
    expected.replace(699'995, 5, "world");
    EXPECT_TRUE(ReadAll(directory.get(), "2.log") == expected);
    return true;
  });
  if (outcome == Outcome::kCannotMount) GTEST_SKIP() << "this system lets nobody mount";
  EXPECT_EQ(outcome, Outcome::kPassed);
}

}  // namespace
}  // namespace lsm
