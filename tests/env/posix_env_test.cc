// What only an operating system has: kinds of files, modes, processes, limits.

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "tests/env/env_test_util.h"

namespace lsm {
namespace {

using LockKind = Directory::LockKind;
using OpenMode = Env::OpenMode;

mode_t ModeOf(const std::string& path) {
  struct stat info;
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

// Runs `body` in a forked child; true where it answers true. A child that hangs is killed by its
// alarm.
bool InChild(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool MayLock(const std::string& path, LockKind kind) {
  Result<std::unique_ptr<Directory>> directory =
      Env::Posix()->OpenDirectory(path, OpenMode::kMustExist, nullptr);
  return directory.ok() && (*directory)->Lock(kind).ok();
}

class PosixEnvTest : public testing::Test {
 protected:
  const ScratchDirectory scratch_;
  const std::string path_ = scratch_.path() + "/db";
  Env* const env_ = Env::Posix();
  std::unique_ptr<Directory> directory_ = MustOpenDirectory(path_);
};

TEST_F(PosixEnvTest, WhatIsMadeIsTheOwnersAlone) {
  const mode_t before = umask(0);
  MustOpenDirectory(scratch_.path() + "/made");
  MustWrite(directory_.get(), "f", "x");
  ASSERT_OK(directory_->CreateLog("log", 100).status());
  umask(before);
  EXPECT_EQ(ModeOf(scratch_.path() + "/made"), 0700u);
  EXPECT_EQ(ModeOf(path_ + "/f"), 0600u);
  EXPECT_EQ(ModeOf(path_ + "/log"), 0600u);
}

// Every way to open `name` says at once that it is no file of ours, and leaves it alone.
void ExpectRefused(Directory* directory, const std::string& name, std::string_view found) {
  for (const Status& status : {directory->OpenForReading(name).status(),
                               directory->ReuseLog(name, "reused", 100).status()}) {
    EXPECT_TRUE(status.Is(Code::kCorruption)) << status.ToString();
    EXPECT_EQ(status.file(), directory->PathOf(name));
    EXPECT_NE(status.message().find(found), std::string_view::npos) << status.ToString();
  }
  EXPECT_TRUE(directory->Create(name).status().Is(Code::kExists));
  EXPECT_TRUE(directory->CreateLog(name, 100).status().Is(Code::kExists));
  struct stat info;
  EXPECT_EQ(lstat(directory->PathOf(name).c_str(), &info), 0);
  EXPECT_EQ(directory->OpenForReading("reused").status().errnum(), ENOENT);
}

TEST_F(PosixEnvTest, RefusesSymlinks) {
  MustWrite(directory_.get(), "target", "kept");
  ASSERT_EQ(symlink("target", (path_ + "/link").c_str()), 0);
  ASSERT_EQ(symlink("nowhere", (path_ + "/dangling").c_str()), 0);
  ASSERT_EQ(symlink("/dev/zero", (path_ + "/device").c_str()), 0);
  for (const char* name : {"link", "dangling", "device"}) {
    ExpectRefused(directory_.get(), name, "a symbolic link");
  }
  EXPECT_EQ(ReadAll(directory_.get(), "target"), "kept");
  EXPECT_EQ(directory_->OpenForReading("nowhere").status().errnum(), ENOENT);
}

TEST_F(PosixEnvTest, RefusesFifosWithoutWaiting) {
  ASSERT_EQ(mkfifo((path_ + "/fifo").c_str(), 0600), 0);
  ExpectRefused(directory_.get(), "fifo", "a FIFO");
  const Status status = env_->OpenFile(path_ + "/fifo").status();
  EXPECT_TRUE(status.Is(Code::kCorruption)) << status.ToString();
  EXPECT_EQ(*env_->Classify(path_ + "/fifo"), Env::PathKind::kOther);
  EXPECT_EQ(env_->OpenDirectory(path_ + "/fifo", OpenMode::kMustExist, nullptr).status().errnum(),
            ENOTDIR);
}

TEST_F(PosixEnvTest, RefusesSocketsAndDirectories) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {.sun_family = AF_UNIX};
  // Relative, for a socket's path must be short.
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(path_);
  std::string_view("socket").copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  std::filesystem::current_path(before);
  ExpectRefused(directory_.get(), "socket", "a socket");
  close(fd);
  ASSERT_EQ(mkdir((path_ + "/sub").c_str(), 0700), 0);
  ExpectRefused(directory_.get(), "sub", "a directory");
}

TEST_F(PosixEnvTest, ListTellsRegularFilesFromOthers) {
  MustWrite(directory_.get(), "f", "abc");
  ASSERT_EQ(symlink("f", (path_ + "/link").c_str()), 0);
  ASSERT_EQ(mkfifo((path_ + "/fifo").c_str(), 0600), 0);
  Result<std::vector<DirectoryEntry>> entries = directory_->List();
  ASSERT_OK(entries.status());
  EXPECT_EQ(entries->size(), 3u);
  for (const DirectoryEntry& entry : *entries) {
    EXPECT_EQ(entry.is_regular_file, entry.name == "f") << entry.name;
    EXPECT_EQ(entry.size, entry.name == "f" ? 3u : 0u) << entry.name;
  }
}

TEST_F(PosixEnvTest, TheDirectoryMayBeReachedThroughASymlink) {
  const std::string link = scratch_.path() + "/link";
  ASSERT_EQ(symlink("db", link.c_str()), 0);
  const std::unique_ptr<Directory> same = MustOpenDirectory(link);
  MustWrite(same.get(), "f", "abc");
  EXPECT_EQ(ReadAll(directory_.get(), "f"), "abc");
  ASSERT_OK(directory_->Lock(LockKind::kExclusive));
  EXPECT_TRUE(same->Lock(LockKind::kExclusive).Is(Code::kLocked));
  Result<std::unique_ptr<ReadableFile>> file = env_->OpenFile(link + "/f");
  ASSERT_OK(file.status());
  EXPECT_EQ(ReadAll(file->get()), "abc");

  const std::string dangling = scratch_.path() + "/dangling";
  ASSERT_EQ(symlink("nowhere", dangling.c_str()), 0);
  EXPECT_EQ(env_->OpenDirectory(dangling, OpenMode::kCreateIfMissing, nullptr).status().errnum(),
            ENOENT);
}

TEST_F(PosixEnvTest, AnOpenDirectoryMayBeRenamed) {
  MustWrite(directory_.get(), "f", "abc");
  ASSERT_EQ(rename(path_.c_str(), (scratch_.path() + "/moved").c_str()), 0);
  EXPECT_EQ(ReadAll(directory_.get(), "f"), "abc");
  EXPECT_EQ(directory_->List()->size(), 1u);
}

TEST_F(PosixEnvTest, PathsWithNulAreRefused) {
  const std::string path = path_ + std::string("\0x", 2);
  EXPECT_TRUE(
      env_->OpenDirectory(path, OpenMode::kMustExist, nullptr).status().Is(Code::kInvalidArgument));
  EXPECT_TRUE(env_->OpenFile(path).status().Is(Code::kInvalidArgument));
  EXPECT_TRUE(env_->Classify(path).status().Is(Code::kInvalidArgument));
  EXPECT_TRUE(env_->RemoveDirectory(path).Is(Code::kInvalidArgument));
}

TEST_F(PosixEnvTest, LocksHoldBetweenProcesses) {
  ASSERT_OK(directory_->Lock(LockKind::kExclusive));
  EXPECT_FALSE(InChild([&] { return MayLock(path_, LockKind::kExclusive); }));
  EXPECT_FALSE(InChild([&] { return MayLock(path_, LockKind::kShared); }));
  directory_.reset();
  EXPECT_TRUE(InChild([&] { return MayLock(path_, LockKind::kExclusive); }));

  directory_ = MustOpenDirectory(path_);
  ASSERT_OK(directory_->Lock(LockKind::kShared));
  EXPECT_FALSE(InChild([&] { return MayLock(path_, LockKind::kExclusive); }));
  EXPECT_TRUE(InChild([&] { return MayLock(path_, LockKind::kShared); }));
}

TEST_F(PosixEnvTest, ALockEndsWithItsProcess) {
  EXPECT_TRUE(InChild([&] {
    // Killed with the lock held; nothing is tidied up.
    return MustOpenDirectory(path_).release()->Lock(LockKind::kExclusive).ok();
  }));
  EXPECT_OK(directory_->Lock(LockKind::kExclusive));
}

TEST_F(PosixEnvTest, AForkedChildLetsNothingGo) {
  ASSERT_OK(directory_->Lock(LockKind::kExclusive));
  EXPECT_TRUE(InChild([&] {
    directory_.reset();
    return true;
  }));
  EXPECT_FALSE(MayLock(path_, LockKind::kExclusive));
}

TEST_F(PosixEnvTest, AForkedChildKeepsNothing) {
  ASSERT_OK(directory_->Lock(LockKind::kExclusive));
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    // Lives, with the inherited descriptor, until the parent is through.
    close(pipe_ends[1]);
    char byte;
    _exit(read(pipe_ends[0], &byte, 1) == 0 ? 0 : 1);
  }
  directory_.reset();
  EXPECT_TRUE(MayLock(path_, LockKind::kExclusive));
  close(pipe_ends[1]);
  close(pipe_ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(PosixEnvTest, ForksAreCounted) {
  const uint32_t here = ForkGeneration();
  EXPECT_TRUE(InChild([&] {
    return ForkGeneration() == here + 1 && InChild([&] { return ForkGeneration() == here + 2; });
  }));
  EXPECT_EQ(ForkGeneration(), here);
}

TEST_F(PosixEnvTest, AReadOnlyDirectoryCanBeSharedAndRead) {
  constexpr uid_t kNobody = 65534;
  MustWrite(directory_.get(), "f", "abc");
  ASSERT_EQ(chmod(path_.c_str(), 0555), 0);
  ASSERT_EQ(chmod((path_ + "/f").c_str(), 0444), 0);
  EXPECT_TRUE(InChild([&] {
    // Root may write everywhere; nobody else may search the directories above.
    std::filesystem::current_path(path_);
    if (geteuid() == 0 && setuid(kNobody) != 0) return false;
    const std::unique_ptr<Directory> directory = MustOpenDirectory(".", env_, OpenMode::kMustExist);
    return directory->Lock(LockKind::kShared).ok() && directory->List()->size() == 1 &&
           ReadAll(directory.get(), "f") == "abc" &&
           directory->Create("g").status().errnum() == EACCES;
  }));
  ASSERT_EQ(chmod(path_.c_str(), 0700), 0);
}

TEST_F(PosixEnvTest, AWriteThatFailsIsReportedAndLeavesTheSize) {
  EXPECT_TRUE(InChild([&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {.rlim_cur = 10'000, .rlim_max = 10'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    Result<std::unique_ptr<WritableFile>> file = directory_->Create("f");
    if (!file.ok() || !(*file)->Append(std::string(9'000, 'a')).ok()) return false;
    const Status status = (*file)->Append(std::string(2'000, 'b'));
    // 1,000 bytes fitted; the offset tells where it stopped.
    return status.Is(Code::kIoError) && status.errnum() == EFBIG && status.offset() == 10'000 &&
           status.file() == path_ + "/f" && (*file)->size() == 9'000;
  }));
}

TEST_F(PosixEnvTest, ALogThatCannotBeMadeLeavesNothing) {
  EXPECT_TRUE(InChild([&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {.rlim_cur = 10'000, .rlim_max = 10'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    const Status status = directory_->CreateLog("log", 20'000).status();
    return status.Is(Code::kIoError) && status.errnum() == EFBIG && status.file() == path_ + "/log";
  }));
  EXPECT_TRUE(directory_->List()->empty());
}

TEST_F(PosixEnvTest, TooManyOpenFilesIsRetryable) {
  EXPECT_TRUE(InChild([&] {
    const rlimit limit = {.rlim_cur = 0, .rlim_max = 0};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
    const Status status = directory_->Create("f").status();
    const Status list = directory_->List().status();
    return status.errnum() == EMFILE && status.retryable() && list.errnum() == EMFILE;
  }));
}

TEST_F(PosixEnvTest, AThreadThatCannotBeMadeIsRetryable) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer does not live without address space";
  EXPECT_TRUE(InChild([&] {
    // No address space for a stack.
    const rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
    if (setrlimit(RLIMIT_AS, &limit) != 0) return false;
    const Status status = env_->NewExecutor("test", 2).status();
    return !status.ok() && status.retryable();
  }));
}

TEST_F(PosixEnvTest, TakesNoDescriptorThatAHostPrintsTo) {
  EXPECT_TRUE(InChild([&] {
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    Result<std::unique_ptr<WritableFile>> file = directory_->Create("f");
    if (!file.ok() || !(*file)->Append("abc").ok()) return false;
    return write(STDOUT_FILENO, "x", 1) == -1 && write(STDERR_FILENO, "x", 1) == -1;
  }));
  EXPECT_EQ(ReadAll(directory_.get(), "f"), "abc");
}

}  // namespace
}  // namespace lsm
