#include "lsm/version/version_set.h"

#include <cerrno>
#include <filesystem>
#include <set>

#include "gtest/gtest.h"
#include "lsm/env/mem_env.h"
#include "lsm/version/file_names.h"
#include "lsm/wal/log_writer.h"
#include "tests/env/directory_files.h"
#include "tests/env/env_test_util.h"
#include "tests/env/faulty_env.h"

namespace lsm {
namespace {

constexpr char kPath[] = "db";

class VersionSetTest : public testing::Test {
 protected:
  VersionSetTest() : base_(NewMemEnv()), env_(base_.get()) { OpenDirectory(); }
  ~VersionSetTest() override {
    if (cache_ != nullptr) cache_->Close();
  }

  void OpenDirectory() {
    auto opened = env_.OpenDirectory(kPath, Env::OpenMode::kCreateIfMissing, nullptr);
    ASSERT_TRUE(opened.ok());
    directory_ = opened.Take();
    cache_ = std::make_shared<TableCache>(directory_, TableReadOptions(), 16);
  }
  void Create() {
    auto set = VersionSet::Create(directory_, cache_);
    ASSERT_TRUE(set.ok()) << set.status().ToString();
    set_ = set.Take();
  }
  // As another process would find it.
  Status Recover() {
    cache_->Close();
    set_.reset();
    OpenDirectory();
    auto set = VersionSet::Recover(directory_, cache_);
    if (!set.ok()) return set.status();
    set_ = set.Take();
    return set_->BeginWriting();
  }

  void MakeFile(const std::string& name, size_t size) {
    auto file = directory_->Create(name);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->Append(std::string(size, 'x')).ok());
  }
  // A run of one slice, whose table is a file of that size.
  AddedSlice NewSlice(uint32_t level, const std::string& begin, const std::string& end) {
    const uint64_t number = set_->NewFileNumber();
    MakeFile(TableFileName(number), 50);
    return {.level = level,
            .run_id = set_->NewRunId(),
            .table = {.number = number, .file_size = 50, .max_sequence = 9, .range = {begin, end}},
            .range = {begin, end},
            .size = 50};
  }
  std::string Describe() const {
    VersionEdit state;
    state.added_slices = set_->current()->Describe();
    state.added_logs = set_->logs();
    return EncodeVersionEdit(state);
  }

  const std::unique_ptr<Env> base_;
  FaultyEnv env_;
  std::shared_ptr<Directory> directory_;
  std::shared_ptr<TableCache> cache_;
  std::unique_ptr<VersionSet> set_;
};

TEST_F(VersionSetTest, ComesBackAsItWas) {
  Create();
  EXPECT_TRUE(set_->current()->runs().empty());
  const AddedSlice slice = NewSlice(0, "a", "m");
  MakeFile(LogFileName(500), 80);
  ASSERT_TRUE(set_->Apply({.added_logs = {{500, 80}}, .added_slices = {slice}}).ok());
  set_->AdvanceLastSequence(77);
  set_->AdvanceLastSequence(5);
  ASSERT_TRUE(set_->Apply({.added_slices = {NewSlice(1, "b", "z")}}).ok());
  const std::string before = Describe();
  const uint64_t file_number = set_->NewFileNumber();
  const uint64_t run_id = set_->NewRunId();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Recover().ok());
    EXPECT_EQ(Describe(), before);
    EXPECT_EQ(set_->last_sequence(), 77u);
  }
  // Numbers are never given twice: not even those that no edit has recorded, once a file bears
  // them.
  EXPECT_GE(set_->NewFileNumber(), file_number);
  EXPECT_GE(set_->NewRunId(), run_id);
  EXPECT_GT(set_->NewFileNumber(), 500u);
}

TEST_F(VersionSetTest, AnEditThatDoesNotFitChangesNothing) {
  Create();
  ASSERT_TRUE(set_->Apply({.added_slices = {NewSlice(0, "a", "m")}}).ok());
  const std::string before = Describe();
  EXPECT_TRUE(set_->Apply({.removed_slices = {{0, 99, 1, "a"}}}).Is(Code::kInternal));
  EXPECT_TRUE(set_->Apply({.removed_logs = {4}}).Is(Code::kInternal));
  EXPECT_EQ(Describe(), before);
  ASSERT_TRUE(set_->Apply({.added_slices = {NewSlice(0, "a", "m")}}).ok());
  const std::string after = Describe();
  ASSERT_TRUE(Recover().ok());
  EXPECT_EQ(Describe(), after);
}

TEST_F(VersionSetTest, BeginsANewManifestWhereOneIsFull) {
  Create();
  const AddedSlice slice = NewSlice(0, "a", std::string(1000, 'm'));
  const uint64_t first = set_->manifest_number();
  ASSERT_TRUE(set_->Apply({.added_slices = {slice}}).ok());
  int edits = 0;
  while (set_->manifest_number() == first && edits < 5000) {
    ++edits;
    ASSERT_TRUE(set_->Apply({.removed_slices = {{0, slice.run_id, slice.table.number, "a"}},
                             .added_slices = {slice}})
                    .ok());
  }
  ASSERT_LT(edits, 5000);
  EXPECT_GT(edits, 20);
  const DirectoryFiles files = ReadDirectory(base_.get(), kPath);
  EXPECT_FALSE(files.contains(ManifestFileName(first)));
  EXPECT_TRUE(files.contains(ManifestFileName(set_->manifest_number())));
  const std::string before = Describe();
  ASSERT_TRUE(Recover().ok());
  EXPECT_EQ(Describe(), before);
}

TEST_F(VersionSetTest, NoRoomForANewManifestIsAnErrorThatMends) {
  Create();
  const uint64_t first = set_->manifest_number();
  env_.SetHook([](FileCall call, std::string_view name) {
    return call == FileCall::kCreateLog ? Status::FromErrno(ENOSPC, "injected", name)
                                        : Status::Ok();
  });
  Status status;
  uint64_t logs = 0;
  while (status.ok() && logs < 100'000) status = set_->Apply({.added_logs = {{++logs, 1}}});
  ASSERT_TRUE(status.Is(Code::kNoSpace)) << status.ToString();
  EXPECT_TRUE(status.retryable());
  EXPECT_EQ(set_->logs().size(), logs - 1);
  env_.SetHook(nullptr);
  EXPECT_TRUE(set_->Apply({.added_logs = {{logs, 1}}}).ok());
  EXPECT_NE(set_->manifest_number(), first);
  EXPECT_EQ(set_->logs().size(), logs);
}

// Whether the edit is in the file is unknown after that: nothing may follow it, nor be undone.
TEST_F(VersionSetTest, AFailedAppendPoisons) {
  for (const auto& [call, errnum] :
       {std::pair(FileCall::kSyncLog, EIO), std::pair(FileCall::kSyncLog, ENOSPC),
        std::pair(FileCall::kCommitLog, EIO)}) {
    Create();
    ASSERT_TRUE(set_->Apply({.added_slices = {NewSlice(0, "a", "m")}}).ok());
    const std::string before = Describe();
    AddedSlice lost = NewSlice(0, "c", "d");
    env_.FailAll(call, "", errnum);
    const Status first = set_->Apply({.added_slices = {lost}});
    EXPECT_EQ(first.errnum(), errnum);
    EXPECT_FALSE(first.retryable()) << first.ToString();
    env_.SetHook(nullptr);
    EXPECT_EQ(set_->Apply({.added_slices = {NewSlice(0, "e", "f")}}).ToString(), first.ToString());
    EXPECT_EQ(Describe(), before);
    ASSERT_TRUE(Recover().ok());
    const size_t runs = set_->current()->runs().size();
    EXPECT_TRUE(runs == 1 || runs == 2) << runs;
    EXPECT_TRUE(set_->Apply({.added_slices = {NewSlice(0, "e", "f")}}).ok());
    cache_->Close();
    set_.reset();
    OpenDirectory();
    WriteDirectory(base_.get(), kPath, {});
  }
}

// CURRENT may name the old manifest or the new one after a crash, so neither may grow.
TEST_F(VersionSetTest, AFailedSwitchOfManifestsPoisons) {
  Create();
  bool renamed = false;
  env_.SetHook([&renamed](FileCall call, std::string_view name) {
    if (call == FileCall::kRename) renamed = true;
    return call == FileCall::kSyncDirectory && renamed ? Status::FromErrno(EIO, "injected", name)
                                                       : Status::Ok();
  });
  Status first;
  uint64_t logs = 0;
  while (first.ok() && logs < 100'000) first = set_->Apply({.added_logs = {{++logs, 1}}});
  ASSERT_EQ(first.errnum(), EIO) << first.ToString();
  EXPECT_FALSE(first.retryable());
  env_.SetHook(nullptr);
  EXPECT_EQ(set_->Apply({.added_logs = {{logs, 1}}}).ToString(), first.ToString());
  EXPECT_EQ(set_->logs().size(), logs - 1);
}

TEST_F(VersionSetTest, OpeningRemovesWhatTheStateDoesNotName) {
  Create();
  const AddedSlice slice = NewSlice(0, "a", "m");
  ASSERT_TRUE(set_->Apply({.added_slices = {slice}}).ok());
  for (const char* name : {"000900.sst", "000901.log", "MANIFEST-000902", "CURRENT.tmp"}) {
    MakeFile(name, 10);
  }
  for (const char* name : {"notes.txt", "1.sst", ".git", "CURRENT.bak"}) MakeFile(name, 10);
  ASSERT_TRUE(Recover().ok());
  std::set<std::string> names;
  for (const auto& [name, bytes] : ReadDirectory(base_.get(), kPath)) names.insert(name);
  EXPECT_EQ(names, (std::set<std::string>{"CURRENT", TableFileName(slice.table.number),
                                          ManifestFileName(set_->manifest_number()), "notes.txt",
                                          "1.sst", ".git", "CURRENT.bak"}));
  EXPECT_GT(set_->NewFileNumber(), 902u);
}

TEST(VersionSetFilesTest, WhatIsNoRegularFileIsNamed) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/db";
  Env* const env = Env::Posix();
  auto opened = env->OpenDirectory(path, Env::OpenMode::kCreateIfMissing, nullptr);
  ASSERT_TRUE(opened.ok());
  const std::shared_ptr<Directory> directory = opened.Take();
  const auto tables = std::make_shared<TableCache>(directory, TableReadOptions(), 16);
  ASSERT_TRUE(VersionSet::Create(directory, tables).ok());
  const std::string name = path + "/" + TableFileName(900);
  ASSERT_TRUE(std::filesystem::create_directory(name));
  const Status status = VersionSet::Recover(directory, tables).status();
  EXPECT_TRUE(status.Is(Code::kCorruption)) << status.ToString();
  EXPECT_EQ(status.file(), name);
  tables->Close();
}

// It was named by an edit before its first record was written, so that edit is lost.
TEST_F(VersionSetTest, ASegmentWithRecordsThatNoEditNamesIsCorruption) {
  constexpr uint64_t kNumber = 900;
  for (const bool with_record : {false, true}) {
    Create();
    auto log = directory_->CreateLog(LogFileName(kNumber), 4096);
    ASSERT_TRUE(log.ok());
    auto writer = LogWriter::Create(log.Take(), kNumber, 0, 0);
    ASSERT_TRUE(writer.ok());
    const std::string_view parts[] = {"batch"};
    if (with_record) {
      ASSERT_TRUE((*writer)->Append(parts, 1).ok());
    }
    const Status status = Recover();
    EXPECT_EQ(status.Is(Code::kCorruption), with_record) << status.ToString();
    EXPECT_EQ(status.file(), with_record ? std::string(kPath) + "/" + LogFileName(kNumber) : "");
    WriteDirectory(base_.get(), kPath, {});
  }
}

TEST_F(VersionSetTest, AFileOfAHugeNumberDoesNotUseUpTheNumbers) {
  Create();
  MakeFile(TableFileName(UINT64_MAX / 2), 10);
  ASSERT_TRUE(Recover().ok());
  EXPECT_LT(set_->NewFileNumber(), 100u);
}

TEST_F(VersionSetTest, RecoveringAloneWritesNothing) {
  Create();
  ASSERT_TRUE(set_->Apply({.added_slices = {NewSlice(0, "a", "m")}}).ok());
  MakeFile("000900.sst", 10);
  const DirectoryFiles before = ReadDirectory(base_.get(), kPath);
  ASSERT_TRUE(VersionSet::Recover(directory_, cache_).ok());
  EXPECT_EQ(ReadDirectory(base_.get(), kPath), before);
}

TEST_F(VersionSetTest, FilesThatAreNotWhatTheManifestSaysAreNamed) {
  Create();
  const AddedSlice slice = NewSlice(0, "a", "m");
  MakeFile(LogFileName(500), 80);
  ASSERT_TRUE(set_->Apply({.added_logs = {{500, 80}}, .added_slices = {slice}}).ok());
  const DirectoryFiles files = ReadDirectory(base_.get(), kPath);
  for (const std::string& name : {TableFileName(slice.table.number), LogFileName(500),
                                  ManifestFileName(set_->manifest_number())}) {
    for (const bool removed : {true, false}) {
      DirectoryFiles damaged = files;
      if (removed) {
        damaged.erase(name);
      } else {
        damaged[name].pop_back();
      }
      WriteDirectory(base_.get(), kPath, damaged);
      const Status status = VersionSet::Recover(directory_, cache_).status();
      EXPECT_TRUE(status.Is(Code::kCorruption)) << status.ToString();
      EXPECT_EQ(status.file(), std::string(kPath) + "/" + name) << status.ToString();
      const bool is_manifest = name.starts_with("MANIFEST");
      EXPECT_EQ(status.message().find("missing") != std::string_view::npos, removed && !is_manifest)
          << status.ToString();
      EXPECT_EQ(ReadDirectory(base_.get(), kPath), damaged);
    }
  }
  WriteDirectory(base_.get(), kPath, files);
}

TEST_F(VersionSetTest, AManifestThatContradictsItselfIsCorruption) {
  Create();
  const VersionEdit wrong[] = {{.removed_logs = {3}}, {.removed_slices = {{0, 1, 1, "a"}}}};
  for (uint64_t i = 0; i < 2; ++i) {
    auto writer = ManifestWriter::Create(directory_.get(), 700 + i, {});
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append(EncodeVersionEdit(wrong[i])).ok());
    ASSERT_TRUE(SetCurrentManifest(directory_.get(), 700 + i).ok());
    const Status status = VersionSet::Recover(directory_, cache_).status();
    EXPECT_TRUE(status.Is(Code::kCorruption)) << status.ToString();
    EXPECT_EQ(status.file(), std::string(kPath) + "/" + ManifestFileName(700 + i));
    EXPECT_GT(status.offset(), 0u);
  }
}

}  // namespace
}  // namespace lsm
