// What env.h promises, asked of every Env.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <set>
#include <thread>
#include <tuple>

#include "lsm/env/mem_env.h"
#include "tests/env/env_test_util.h"

namespace lsm {
namespace {

using OpenMode = Env::OpenMode;
using LockKind = Directory::LockKind;

// An Env under test and a directory of it that is empty but for what the test makes.
class World {
 public:
  virtual ~World() = default;
  virtual Env* env() = 0;
  virtual std::string root() = 0;
};

class PosixWorld final : public World {
 public:
  Env* env() override { return Env::Posix(); }
  std::string root() override { return scratch_.path(); }

 private:
  ScratchDirectory scratch_;
};

class MemWorld final : public World {
 public:
  Env* env() override { return env_.get(); }
  std::string root() override { return ""; }

 private:
  const std::unique_ptr<Env> env_ = NewMemEnv();
};

template <typename W>
std::unique_ptr<World> Make() {
  return std::make_unique<W>();
}

struct WorldKind {
  const char* name;
  std::unique_ptr<World> (*make)();
};

class EnvContractTest : public testing::TestWithParam<WorldKind> {
 protected:
  const std::unique_ptr<World> world_ = GetParam().make();
  Env* const env_ = world_->env();
  const std::string path_ = world_->root() + "/db";
  const std::unique_ptr<Directory> directory_ = MustOpenDirectory(path_, env_);
};

INSTANTIATE_TEST_SUITE_P(Envs, EnvContractTest,
                         testing::Values(WorldKind{"Posix", &Make<PosixWorld>},
                                         WorldKind{"Mem", &Make<MemWorld>}),
                         [](const auto& info) { return info.param.name; });

void ExpectFailure(const Status& status, Code code, int errnum, std::string_view file) {
  EXPECT_EQ(status.code(), code) << status.ToString();
  EXPECT_EQ(status.errnum(), errnum) << status.ToString();
  EXPECT_EQ(status.file(), file) << status.ToString();
}

TEST_P(EnvContractTest, MakesADirectoryOnlyWhereAskedTo) {
  const std::string path = world_->root() + "/other";
  bool created = true;
  ExpectFailure(env_->OpenDirectory(path, OpenMode::kMustExist, &created).status(), Code::kIoError,
                ENOENT, path);
  EXPECT_FALSE(created);
  EXPECT_OK(env_->OpenDirectory(path, OpenMode::kCreateIfMissing, &created).status());
  EXPECT_TRUE(created);
  EXPECT_OK(env_->OpenDirectory(path, OpenMode::kCreateIfMissing, &created).status());
  EXPECT_FALSE(created);
  EXPECT_OK(env_->OpenDirectory(path, OpenMode::kMustExist, nullptr).status());
}

TEST_P(EnvContractTest, DoesNotMakeParents) {
  const std::string path = world_->root() + "/missing/db";
  bool created = true;
  ExpectFailure(env_->OpenDirectory(path, OpenMode::kCreateIfMissing, &created).status(),
                Code::kIoError, ENOENT, path);
  EXPECT_FALSE(created);
}

TEST_P(EnvContractTest, AFileIsNoDirectory) {
  MustWrite(directory_.get(), "f", "x");
  for (const OpenMode mode : {OpenMode::kMustExist, OpenMode::kCreateIfMissing}) {
    ExpectFailure(env_->OpenDirectory(path_ + "/f", mode, nullptr).status(), Code::kIoError,
                  ENOTDIR, path_ + "/f");
    ExpectFailure(env_->OpenDirectory(path_ + "/f/g", mode, nullptr).status(), Code::kIoError,
                  ENOTDIR, path_ + "/f/g");
  }
}

TEST_P(EnvContractTest, RemovesADirectoryWhenItIsEmpty) {
  MustWrite(directory_.get(), "f", "x");
  ExpectFailure(env_->RemoveDirectory(path_), Code::kIoError, ENOTEMPTY, path_);
  EXPECT_OK(directory_->Remove("f"));
  EXPECT_OK(env_->RemoveDirectory(path_));
  ExpectFailure(env_->RemoveDirectory(path_), Code::kIoError, ENOENT, path_);
}

TEST_P(EnvContractTest, TellsWhatAPathIs) {
  MustWrite(directory_.get(), "f", "x");
  EXPECT_EQ(*env_->Classify(path_), Env::PathKind::kDirectory);
  EXPECT_EQ(*env_->Classify(path_ + "/f"), Env::PathKind::kFile);
  ExpectFailure(env_->Classify(path_ + "/g").status(), Code::kIoError, ENOENT, path_ + "/g");
}

TEST_P(EnvContractTest, OpensASingleFileByItsPath) {
  MustWrite(directory_.get(), "f", "abc");
  Result<std::unique_ptr<ReadableFile>> file = env_->OpenFile(path_ + "/f");
  ASSERT_OK(file.status());
  EXPECT_EQ(ReadAll(file->get()), "abc");
  EXPECT_EQ((*file)->path(), path_ + "/f");
  ExpectFailure(env_->OpenFile(path_ + "/g").status(), Code::kIoError, ENOENT, path_ + "/g");
  ExpectFailure(env_->OpenFile(path_).status(), Code::kCorruption, 0, path_);
}

TEST_P(EnvContractTest, ReadsWhatWasAppended) {
  Result<std::unique_ptr<WritableFile>> file = directory_->Create("f");
  ASSERT_OK(file.status());
  EXPECT_EQ((*file)->path(), path_ + "/f");
  EXPECT_EQ((*file)->size(), 0u);
  EXPECT_OK((*file)->Append("ab"));
  EXPECT_OK((*file)->Append(""));
  EXPECT_OK((*file)->Append("cde"));
  EXPECT_EQ((*file)->size(), 5u);
  EXPECT_OK((*file)->Sync());
  EXPECT_OK((*file)->Close());
  EXPECT_OK(directory_->Sync());

  Result<std::unique_ptr<ReadableFile>> reader = directory_->OpenForReading("f");
  ASSERT_OK(reader.status());
  EXPECT_EQ((*reader)->path(), path_ + "/f");
  EXPECT_EQ((*reader)->size(), 5u);
  EXPECT_EQ(ReadAll(reader->get()), "abcde");
  char middle[3];
  EXPECT_OK((*reader)->Read(1, 3, middle));
  EXPECT_EQ(std::string_view(middle, 3), "bcd");
  EXPECT_OK((*reader)->Read(5, 0, middle));
}

TEST_P(EnvContractTest, AReadBeyondTheEndIsCorruption) {
  MustWrite(directory_.get(), "f", "abcde");
  Result<std::unique_ptr<ReadableFile>> file = directory_->OpenForReading("f");
  ASSERT_OK(file.status());
  char buffer[8];
  for (const auto& [offset, size] : {std::pair<uint64_t, size_t>{0, 6},
                                     {5, 1},
                                     {6, 0},
                                     {3, 3},
                                     {UINT64_MAX, 1},
                                     {UINT64_MAX, 2}}) {
    const Status status = (*file)->Read(offset, size, buffer);
    ExpectFailure(status, Code::kCorruption, 0, path_ + "/f");
    EXPECT_EQ(status.offset(), offset);
  }
}

TEST_P(EnvContractTest, AMappingShowsTheFileAndOutlivesIt) {
  const std::string bytes(100'000, 'm');
  MustWrite(directory_.get(), "f", bytes);
  std::unique_ptr<FileMapping> mapping;
  {
    Result<std::unique_ptr<ReadableFile>> file = directory_->OpenForReading("f");
    ASSERT_OK(file.status());
    Result<std::unique_ptr<FileMapping>> mapped = (*file)->Map();
    ASSERT_OK(mapped.status());
    mapping = mapped.Take();
  }
  EXPECT_EQ(reinterpret_cast<uintptr_t>(mapping->data()) % FileMapping::kAlignment, 0u);
  EXPECT_OK(directory_->Remove("f"));
  mapping->Prefetch(5000, 10);
  mapping->Prefetch(99'999, UINT64_MAX);
  mapping->Prefetch(100'000, 1);
  mapping->Prefetch(UINT64_MAX, UINT64_MAX);
  EXPECT_EQ(std::string_view(mapping->data(), mapping->size()), bytes);
}

TEST_P(EnvContractTest, AnEmptyFileMapsToNothing) {
  MustWrite(directory_.get(), "f", "");
  Result<std::unique_ptr<ReadableFile>> file = directory_->OpenForReading("f");
  ASSERT_OK(file.status());
  Result<std::unique_ptr<FileMapping>> mapping = (*file)->Map();
  ASSERT_OK(mapping.status());
  EXPECT_EQ((*mapping)->data(), nullptr);
  EXPECT_EQ((*mapping)->size(), 0u);
  (*mapping)->Prefetch(0, 1);
}

TEST_P(EnvContractTest, ATakenNameIsNotMadeAgain) {
  MustWrite(directory_.get(), "f", "kept");
  ExpectFailure(directory_->Create("f").status(), Code::kExists, EEXIST, path_ + "/f");
  ExpectFailure(directory_->CreateLog("f", 100).status(), Code::kExists, EEXIST, path_ + "/f");
  EXPECT_EQ(ReadAll(directory_.get(), "f"), "kept");
}

TEST_P(EnvContractTest, WhatIsMissingIsNamed) {
  ExpectFailure(directory_->OpenForReading("f").status(), Code::kIoError, ENOENT, path_ + "/f");
  ExpectFailure(directory_->ReuseLog("f", "g", 10).status(), Code::kIoError, ENOENT, path_ + "/f");
  ExpectFailure(directory_->Rename("f", "g"), Code::kIoError, ENOENT, path_ + "/f");
  ExpectFailure(directory_->Remove("f"), Code::kIoError, ENOENT, path_ + "/f");
}

TEST_P(EnvContractTest, ADirectoryIsNoFile) {
  MustOpenDirectory(path_ + "/sub", env_);
  MustWrite(directory_.get(), "f", "x");
  ExpectFailure(directory_->OpenForReading("sub").status(), Code::kCorruption, 0, path_ + "/sub");
  ExpectFailure(directory_->ReuseLog("sub", "g", 10).status(), Code::kCorruption, 0,
                path_ + "/sub");
  ExpectFailure(directory_->Create("sub").status(), Code::kExists, EEXIST, path_ + "/sub");
  ExpectFailure(directory_->Rename("f", "sub"), Code::kIoError, EISDIR, path_ + "/f");
  ExpectFailure(directory_->Remove("sub"), Code::kIoError, EISDIR, path_ + "/sub");
}

TEST_P(EnvContractTest, ANameIsOneComponent) {
  MustWrite(directory_.get(), "f", "x");
  for (const std::string_view name :
       {std::string_view(""), std::string_view("."), std::string_view(".."),
        std::string_view("../f"), std::string_view("/f"), std::string_view("a/b"),
        std::string_view("f\0g", 3)}) {
    EXPECT_TRUE(directory_->OpenForReading(name).status().Is(Code::kInvalidArgument)) << name;
    EXPECT_TRUE(directory_->Create(name).status().Is(Code::kInvalidArgument)) << name;
    EXPECT_TRUE(directory_->CreateLog(name, 10).status().Is(Code::kInvalidArgument)) << name;
    EXPECT_TRUE(directory_->ReuseLog(name, "g", 10).status().Is(Code::kInvalidArgument)) << name;
    EXPECT_TRUE(directory_->ReuseLog("f", name, 10).status().Is(Code::kInvalidArgument)) << name;
    EXPECT_TRUE(directory_->Rename(name, "g").Is(Code::kInvalidArgument)) << name;
    EXPECT_TRUE(directory_->Rename("f", name).Is(Code::kInvalidArgument)) << name;
    EXPECT_TRUE(directory_->Remove(name).Is(Code::kInvalidArgument)) << name;
  }
  EXPECT_EQ(ReadAll(directory_.get(), "f"), "x");
}

TEST_P(EnvContractTest, RenameReplacesAndOpenFilesStayWhatTheyAre) {
  MustWrite(directory_.get(), "new", "new");
  MustWrite(directory_.get(), "old", "old");
  Result<std::unique_ptr<ReadableFile>> replaced = directory_->OpenForReading("old");
  ASSERT_OK(replaced.status());
  EXPECT_OK(directory_->Rename("new", "old"));
  EXPECT_EQ(ReadAll(directory_.get(), "old"), "new");
  EXPECT_EQ(ReadAll(replaced->get()), "old");
  EXPECT_EQ(directory_->OpenForReading("new").status().errnum(), ENOENT);
  EXPECT_OK(directory_->Rename("old", "old"));
  EXPECT_EQ(ReadAll(directory_.get(), "old"), "new");
}

TEST_P(EnvContractTest, ARemovedFileStaysReadableWhileItIsOpen) {
  MustWrite(directory_.get(), "f", "abc");
  Result<std::unique_ptr<ReadableFile>> file = directory_->OpenForReading("f");
  ASSERT_OK(file.status());
  EXPECT_OK(directory_->Remove("f"));
  EXPECT_EQ(ReadAll(file->get()), "abc");
  MustWrite(directory_.get(), "f", "another");
  EXPECT_EQ(ReadAll(file->get()), "abc");
}

TEST_P(EnvContractTest, AReaderSeesTheSizeOfItsTime) {
  Result<std::unique_ptr<WritableFile>> writer = directory_->Create("f");
  ASSERT_OK(writer.status());
  ASSERT_OK((*writer)->Append("abc"));
  Result<std::unique_ptr<ReadableFile>> reader = directory_->OpenForReading("f");
  ASSERT_OK(reader.status());
  Result<std::unique_ptr<FileMapping>> mapping = (*reader)->Map();
  ASSERT_OK(mapping.status());
  ASSERT_OK((*writer)->Append(std::string(100'000, 'z')));
  EXPECT_EQ((*reader)->size(), 3u);
  EXPECT_EQ(ReadAll(reader->get()), "abc");
  EXPECT_EQ(std::string_view((*mapping)->data(), (*mapping)->size()), "abc");
  EXPECT_EQ(reinterpret_cast<uintptr_t>((*mapping)->data()) % FileMapping::kAlignment, 0u);
  EXPECT_EQ(ReadAll(directory_.get(), "f"), "abc" + std::string(100'000, 'z'));
}

TEST_P(EnvContractTest, ListsWhatIsThere) {
  EXPECT_TRUE(directory_->List()->empty());
  MustWrite(directory_.get(), "a", "12345");
  MustWrite(directory_.get(), "b", "");
  MustOpenDirectory(path_ + "/sub", env_);
  ASSERT_OK(directory_->CreateLog("log", 10'000).status());
  for (int round = 0; round < 2; ++round) {
    Result<std::vector<DirectoryEntry>> entries = directory_->List();
    ASSERT_OK(entries.status());
    std::set<std::tuple<std::string, uint64_t, bool>> found;
    for (const DirectoryEntry& entry : *entries) {
      found.emplace(entry.name, entry.is_regular_file ? entry.size : 0, entry.is_regular_file);
    }
    const std::set<std::tuple<std::string, uint64_t, bool>> expected = {
        {"a", 5, true}, {"b", 0, true}, {"log", 10'000, true}, {"sub", 0, false}};
    EXPECT_EQ(found, expected);
  }
}

TEST_P(EnvContractTest, OneExclusiveLockOrManySharedOnes) {
  const std::unique_ptr<Directory> second = MustOpenDirectory(path_ + "/../db/.", env_);
  std::unique_ptr<Directory> third = MustOpenDirectory(path_, env_);
  EXPECT_OK(directory_->Lock(LockKind::kShared));
  EXPECT_OK(third->Lock(LockKind::kShared));
  const Status refused = second->Lock(LockKind::kExclusive);
  EXPECT_TRUE(refused.Is(Code::kLocked)) << refused.ToString();
  EXPECT_TRUE(refused.retryable());
  EXPECT_EQ(refused.file(), path_ + "/../db/.");
  third.reset();
  EXPECT_TRUE(second->Lock(LockKind::kExclusive).Is(Code::kLocked));
  EXPECT_OK(second->Lock(LockKind::kShared));
}

TEST_P(EnvContractTest, AFailedLockLetsGoOfNoOther) {
  ASSERT_OK(directory_->Lock(LockKind::kExclusive));
  for (int round = 0; round < 3; ++round) {
    for (const LockKind kind : {LockKind::kShared, LockKind::kExclusive}) {
      const std::unique_ptr<Directory> second = MustOpenDirectory(path_, env_);
      EXPECT_TRUE(second->Lock(kind).Is(Code::kLocked));
      EXPECT_TRUE(second->Lock(kind).Is(Code::kLocked));
    }
  }
}

TEST_P(EnvContractTest, ALockIsFreeWhenItsHolderIsGone) {
  for (int round = 0; round < 3; ++round) {
    const std::unique_ptr<Directory> holder = MustOpenDirectory(path_, env_);
    EXPECT_OK(holder->Lock(round == 1 ? LockKind::kShared : LockKind::kExclusive));
  }
}

TEST_P(EnvContractTest, AnObjectLocksOnce) {
  ASSERT_OK(directory_->Lock(LockKind::kExclusive));
  EXPECT_TRUE(directory_->Lock(LockKind::kShared).Is(Code::kInternal));
  EXPECT_TRUE(MustOpenDirectory(path_, env_)->Lock(LockKind::kShared).Is(Code::kLocked));
}

TEST_P(EnvContractTest, DirectoriesLockApart) {
  ASSERT_OK(directory_->Lock(LockKind::kExclusive));
  EXPECT_OK(MustOpenDirectory(world_->root() + "/other", env_)->Lock(LockKind::kExclusive));
}

TEST_P(EnvContractTest, ALogHoldsWhatWasCommitted) {
  constexpr uint64_t kSize = 5'000'000;  // No multiple of a page.
  Result<std::unique_ptr<LogFile>> log = directory_->CreateLog("log", kSize);
  ASSERT_OK(log.status());
  EXPECT_EQ((*log)->size(), kSize);
  EXPECT_EQ((*log)->path(), path_ + "/log");
  EXPECT_EQ(ReadAll(directory_.get(), "log"), std::string(kSize, '\0'));

  // Records of many sizes from end to end, so that windows move, straddle and stretch.
  std::string expected(kSize, '\0');
  uint64_t offset = 0;
  uint64_t synced = 0;
  for (uint64_t i = 0; offset < kSize; ++i) {
    const uint64_t size =
        std::min<uint64_t>(i == 500 ? 3'000'000 : 1 + i * 37 % 9000, kSize - offset);
    Result<char*> at = (*log)->Reserve(offset, size);
    ASSERT_OK(at.status());
    std::memset(*at, static_cast<int>('a' + i % 26), size);
    std::memset(expected.data() + offset, static_cast<int>('a' + i % 26), size);
    ASSERT_OK((*log)->Commit(offset, size));
    offset += size;
    if (i % 100 == 0) {
      ASSERT_OK((*log)->Sync(synced, offset));
      synced = offset;
    }
  }
  ASSERT_OK((*log)->Sync(synced, offset));
  EXPECT_TRUE(ReadAll(directory_.get(), "log") == expected);
}

TEST_P(EnvContractTest, ALogRefusesWhatLiesOutside) {
  Result<std::unique_ptr<LogFile>> log = directory_->CreateLog("log", 10'000);
  ASSERT_OK(log.status());
  EXPECT_OK((*log)->Reserve(0, 10'000).status());
  EXPECT_TRUE((*log)->Reserve(0, 10'001).status().Is(Code::kInternal));
  EXPECT_TRUE((*log)->Reserve(9'999, 2).status().Is(Code::kInternal));
  EXPECT_TRUE((*log)->Reserve(10'001, 1).status().Is(Code::kInternal));
  EXPECT_TRUE((*log)->Reserve(UINT64_MAX, 2).status().Is(Code::kInternal));
  EXPECT_OK((*log)->Reserve(9'999, 1).status());
}

TEST_P(EnvContractTest, AReusedLogKeepsItsBytes) {
  {
    Result<std::unique_ptr<LogFile>> log = directory_->CreateLog("1.log", 10'000);
    ASSERT_OK(log.status());
    Result<char*> at = (*log)->Reserve(9'000, 5);
    ASSERT_OK(at.status());
    std::memcpy(*at, "hello", 5);
    ASSERT_OK((*log)->Commit(9'000, 5));
  }
  std::string expected(10'000, '\0');
  expected.replace(9'000, 5, "hello");

  Result<std::unique_ptr<LogFile>> same = directory_->ReuseLog("1.log", "2.log", 4'000);
  ASSERT_OK(same.status());
  EXPECT_EQ((*same)->size(), 10'000u);
  EXPECT_EQ((*same)->path(), path_ + "/2.log");
  EXPECT_EQ(directory_->OpenForReading("1.log").status().errnum(), ENOENT);
  EXPECT_TRUE(ReadAll(directory_.get(), "2.log") == expected);

  Result<std::unique_ptr<LogFile>> larger = directory_->ReuseLog("2.log", "3.log", 3'000'000);
  ASSERT_OK(larger.status());
  EXPECT_EQ((*larger)->size(), 3'000'000u);
  expected.resize(3'000'000, '\0');
  EXPECT_TRUE(ReadAll(directory_.get(), "3.log") == expected);
  Result<char*> at = (*larger)->Reserve(2'999'999, 1);
  ASSERT_OK(at.status());
  **at = '!';
  ASSERT_OK((*larger)->Commit(2'999'999, 1));
  expected.back() = '!';
  EXPECT_TRUE(ReadAll(directory_.get(), "3.log") == expected);
}

TEST_P(EnvContractTest, AnyFileCanBecomeALog) {
  MustWrite(directory_.get(), "f", "abc");
  Result<std::unique_ptr<LogFile>> log = directory_->ReuseLog("f", "log", 2);
  ASSERT_OK(log.status());
  EXPECT_EQ((*log)->size(), 3u);
  Result<std::unique_ptr<ReadableFile>> reader = directory_->OpenForReading("log");
  ASSERT_OK(reader.status());
  ASSERT_OK((*reader)->Map().status());
  Result<char*> at = (*log)->Reserve(1, 1);
  ASSERT_OK(at.status());
  **at = 'X';
  ASSERT_OK((*log)->Commit(1, 1));
  EXPECT_EQ(ReadAll(directory_.get(), "log"), "aXc");
}

TEST_P(EnvContractTest, ALogIsSyncedWhileItIsWritten) {
  constexpr uint64_t kSize = 8 << 20;
  constexpr uint64_t kRecord = 4096;
  Result<std::unique_ptr<LogFile>> log = directory_->CreateLog("log", kSize);
  ASSERT_OK(log.status());
  std::atomic<uint64_t> end{0};
  std::thread syncer([&] {
    uint64_t synced = 0;
    while (synced < kSize) {
      const uint64_t until = end.load(std::memory_order_acquire);
      EXPECT_OK((*log)->Sync(synced, until));
      synced = until;
    }
  });
  for (uint64_t offset = 0; offset < kSize; offset += kRecord) {
    Result<char*> at = (*log)->Reserve(offset, kRecord);
    EXPECT_OK(at.status());
    std::memset(*at, 'r', kRecord);
    EXPECT_OK((*log)->Commit(offset, kRecord));
    end.store(offset + kRecord, std::memory_order_release);
  }
  syncer.join();
  EXPECT_TRUE(ReadAll(directory_.get(), "log") == std::string(kSize, 'r'));
}

TEST_P(EnvContractTest, TellsWhatSpaceIsLeft) {
  Result<uint64_t> free_bytes = directory_->FreeBytes();
  ASSERT_OK(free_bytes.status());
  EXPECT_GT(*free_bytes, 0u);
}

TEST_P(EnvContractTest, TheClockRunsForwardAndSleepIsNotShort) {
  const uint64_t before = env_->NowMicros();
  env_->SleepMicros(0);
  env_->SleepMicros(1500);
  EXPECT_GE(env_->NowMicros(), before + 1500);
}

TEST_P(EnvContractTest, ManyThreadsUseOneDirectory) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string name = std::to_string(t) + "." + std::to_string(i);
        MustWrite(directory_.get(), name, name);
        EXPECT_OK(directory_->Rename(name, name + "x"));
        EXPECT_OK(directory_->List().status());
        EXPECT_EQ(ReadAll(directory_.get(), name + "x"), name);
        if (i % 2 == 0) {
          EXPECT_OK(directory_->Remove(name + "x"));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(directory_->List()->size(), 100u);
}

}  // namespace
}  // namespace lsm
