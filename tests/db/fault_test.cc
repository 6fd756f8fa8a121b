// What the database does when the file system fails it: it says so, loses nothing, and goes on
// where it can.

#include <atomic>
#include <cerrno>
#include <set>

#include "lsm/env/mem_env.h"
#include "lsm/version/file_names.h"
#include "tests/db/db_testing.h"
#include "tests/env/directory_files.h"
#include "tests/env/faulty_env.h"

namespace lsm {
namespace {

class FaultTest : public testing::Test {
 protected:
  FaultTest() : base_(NewMemEnv()), env_(base_.get()) {}
  ~FaultTest() override {
    if (db_ != nullptr) (void)db_->Close();
  }

  void Open(std::initializer_list<std::pair<const char*, const char*>> changes = {}) {
    db_ = MustOpen(&env_, TinyOptions(changes));
    ASSERT_NE(db_, nullptr);
  }
  // Closes, whatever that says, and opens what is there, with nothing failing.
  void Reopen() {
    env_.SetHook(nullptr);
    (void)db_->Close();
    const Status verified = VerifyPath(base_.get(), kDbPath, nullptr, nullptr);
    EXPECT_TRUE(verified.ok()) << verified.ToString();
    Open();
  }

  // Writes rows until a write fails; what was acknowledged is in model_.
  Status WriteUntilFailure(int at_most = 5000) {
    for (int i = 0; i < at_most; ++i) {
      const std::string key = "key" + std::to_string(written_ % 500);
      const std::string value = std::to_string(written_) + std::string(50, 'v');
      LSM_RETURN_IF_ERROR(Put(db_.get(), key, value));
      ++written_;
      model_[key] = value;
    }
    return Status::Ok();
  }

  // The tables that are there but in no version. What a merge has replaced goes when its last user
  // does, so this waits for it.
  std::set<std::string> OrphanTables() {
    std::set<std::string> orphans;
    for (int tries = 0; tries < 2000; ++tries) {
      orphans.clear();
      const std::string levels = *db_->GetProperty("levels");
      for (const auto& [name, bytes] : ReadDirectory(base_.get(), kDbPath)) {
        FileType type;
        uint64_t number;
        if (!ParseFileName(name, &type, &number) || type != FileType::kTable) continue;
        const std::string entry = "\"number\":" + std::to_string(number) + ",";
        if (levels.find(entry) == std::string::npos) orphans.insert(name);
      }
      if (orphans.empty()) break;
      env_.SleepMicros(1000);
    }
    return orphans;
  }

  const std::unique_ptr<Env> base_;
  FaultyEnv env_;
  std::shared_ptr<Db> db_;
  Model model_;
  int written_ = 0;
};

TEST_F(FaultTest, AFullDiskForTheLogIsNoSpaceAndMends) {
  Open();
  ASSERT_TRUE(WriteUntilFailure(100).ok());
  env_.SetHook([](FileCall call, std::string_view name) {
    const bool fails = call == FileCall::kCreateLog || call == FileCall::kReuseLog;
    return fails ? Status::FromErrno(ENOSPC, "injected", name) : Status::Ok();
  });
  for (int i = 0; i < 3; ++i) {
    const Status status = WriteUntilFailure();
    ASSERT_TRUE(status.Is(Code::kNoSpace)) << status.ToString();
    EXPECT_TRUE(status.retryable());
    EXPECT_EQ(Contents(db_.get()), model_);
  }
  env_.SetHook(nullptr);
  EXPECT_TRUE(WriteUntilFailure(1000).ok());
  EXPECT_TRUE(db_->Flush().ok());
  EXPECT_EQ(Contents(db_.get()), model_);
  Reopen();
  EXPECT_EQ(Contents(db_.get()), model_);
}

TEST_F(FaultTest, AFullDiskForANewManifestMends) {
  Open();
  // A manifest is full after some hundred edits.
  env_.SetHook([](FileCall call, std::string_view name) {
    const bool fails = call == FileCall::kCreateLog && name.starts_with("MANIFEST");
    return fails ? Status::FromErrno(ENOSPC, "injected", name) : Status::Ok();
  });
  Status status;
  for (int i = 0; i < 3000 && status.ok(); ++i) {
    status = WriteUntilFailure(1);
    if (status.ok()) status = db_->Flush();
  }
  ASSERT_TRUE(status.Is(Code::kNoSpace)) << status.ToString();
  EXPECT_EQ(Contents(db_.get()), model_);
  const size_t files = ReadDirectory(base_.get(), kDbPath).size();
  for (int i = 0; i < 20; ++i) (void)db_->Flush();
  // Trying again must not fill the disk further.
  EXPECT_LE(ReadDirectory(base_.get(), kDbPath).size(), files + 3);
  env_.SetHook(nullptr);
  // The flush is tried again by itself; a wait for it may still tell of the past failure.
  while (!db_->Flush().ok()) env_.SleepMicros(1000);
  const Status after = WriteUntilFailure(500);
  EXPECT_TRUE(after.ok()) << after.ToString();
  EXPECT_EQ(Contents(db_.get()), model_);
  Reopen();
  EXPECT_EQ(Contents(db_.get()), model_);
}

TEST_F(FaultTest, AFailedSyncOfTheLogEndsWritingUntilReopened) {
  for (const int errnum : {EIO, ENOSPC}) {
    Open();
    ASSERT_TRUE(WriteUntilFailure(50).ok());
    env_.FailAll(FileCall::kSyncLog, ".log", errnum);
    const Status first = Put(db_.get(), "in flight", "?", /*sync=*/true);
    ASSERT_EQ(first.errnum(), errnum) << first.ToString();
    EXPECT_FALSE(first.retryable()) << first.ToString();
    EXPECT_NE(first.message().find("read-only until it is reopened"), std::string::npos);
    env_.SetHook(nullptr);
    // The system may have dropped the pages, so a later sync that succeeds proves nothing.
    for (const bool sync : {false, true}) {
      EXPECT_EQ(Put(db_.get(), "later", "!", sync).ToString(), first.ToString());
    }
    EXPECT_EQ(db_->Flush().ToString(), first.ToString());
    EXPECT_EQ(db_->CompactRange({"", InfiniteKey()}, nullptr).ToString(), first.ToString());
    EXPECT_EQ(db_->WaitIdle().ToString(), first.ToString());
    EXPECT_EQ(Contents(db_.get()), model_);
    EXPECT_EQ(db_->Close().ToString(), first.ToString());
    Reopen();
    EXPECT_EQ(Get(db_.get(), "later"), "(none)");
    // In flight means either.
    const std::string in_flight = Get(db_.get(), "in flight");
    EXPECT_TRUE(in_flight == "?" || in_flight == "(none)") << in_flight;
    if (in_flight == "?") model_["in flight"] = "?";
    EXPECT_EQ(Contents(db_.get()), model_);
    ASSERT_TRUE(db_->Close().ok());
  }
}

TEST_F(FaultTest, AFailedWriteToTheLogEndsWritingUntilReopened) {
  Open();
  ASSERT_TRUE(WriteUntilFailure(50).ok());
  env_.FailAll(FileCall::kCommitLog, ".log", EIO);
  const Status first = Put(db_.get(), "lost", "?");
  ASSERT_EQ(first.errnum(), EIO) << first.ToString();
  env_.SetHook(nullptr);
  EXPECT_EQ(Put(db_.get(), "later", "!").ToString(), first.ToString());
  EXPECT_EQ(Contents(db_.get()), model_);
  Reopen();
  EXPECT_EQ(Get(db_.get(), "later"), "(none)");
  EXPECT_TRUE(WriteUntilFailure(50).ok());
}

// Whether the edit is in the manifest is unknown then, so nothing that it names may be removed, and
// nothing that needs the manifest may go on.
TEST_F(FaultTest, AFailedSyncOfTheManifestEndsWritingUntilReopened) {
  for (const int errnum : {EIO, ENOSPC}) {
    SCOPED_TRACE(errnum);
    Open();
    ASSERT_TRUE(WriteUntilFailure(200).ok());
    ASSERT_TRUE(db_->WaitIdle().ok());
    // Only once the flush's table is made, so that it is the flush's edit that fails.
    std::atomic<bool> made{false};
    env_.SetHook([&made, errnum](FileCall call, std::string_view name) {
      if (call == FileCall::kCreate && name.ends_with(".sst")) made = true;
      const bool fails = made && call == FileCall::kSyncLog && name.starts_with("MANIFEST");
      return fails ? Status::FromErrno(errnum, "injected", name) : Status::Ok();
    });
    Status first;
    for (int i = 0; i < 10 && first.ok(); ++i) {
      // It may fill the memtable, whose flush then fails before we ask for one.
      first = WriteUntilFailure(5);
      if (first.ok()) first = db_->Flush();
    }
    ASSERT_EQ(first.errnum(), errnum) << first.ToString();
    EXPECT_FALSE(first.retryable()) << first.ToString();
    env_.SetHook(nullptr);
    EXPECT_EQ(Put(db_.get(), "later", "!").ToString(), first.ToString());
    EXPECT_EQ(db_->Flush().ToString(), first.ToString());
    EXPECT_EQ(Contents(db_.get()), model_);
    EXPECT_EQ(db_->Close().ToString(), first.ToString());
    Reopen();
    EXPECT_EQ(Contents(db_.get()), model_);
    ASSERT_TRUE(db_->Close().ok());
  }
}

TEST_F(FaultTest, AFailedFlushLeavesNoFileAndIsTriedAgain) {
  for (const FileCall call : {FileCall::kAppend, FileCall::kSyncWritable, FileCall::kClose}) {
    SCOPED_TRACE(static_cast<int>(call));
    Open();
    ASSERT_TRUE(WriteUntilFailure(10).ok());
    env_.FailAll(call, ".sst", EIO);
    const Status failed = db_->Flush();
    ASSERT_EQ(failed.errnum(), EIO) << failed.ToString();
    EXPECT_EQ(OrphanTables(), std::set<std::string>());
    EXPECT_TRUE(WriteUntilFailure(10).ok()) << "there is a memtable left to write to";
    EXPECT_EQ(Contents(db_.get()), model_);
    env_.SetHook(nullptr);
    while (!db_->Flush().ok()) env_.SleepMicros(1000);
    EXPECT_TRUE(db_->WaitIdle().ok());
    EXPECT_EQ(Contents(db_.get()), model_);
    ASSERT_TRUE(db_->Close().ok());
  }
}

TEST_F(FaultTest, ATableWhoseNameIsNotDurableIsRemovedAndMadeAgain) {
  Open();
  ASSERT_TRUE(WriteUntilFailure(10).ok());
  std::atomic<bool> made{false};
  std::atomic<int> failures{0};
  env_.SetHook([&](FileCall call, std::string_view name) {
    if (call == FileCall::kCreate && name.ends_with(".sst")) made = true;
    if (call != FileCall::kSyncDirectory || !made.exchange(false)) return Status::Ok();
    ++failures;
    return Status::FromErrno(EIO, "injected", name);
  });
  const Status failed = db_->Flush();
  ASSERT_EQ(failed.errnum(), EIO) << failed.ToString();
  EXPECT_GT(failures, 0);
  EXPECT_EQ(OrphanTables(), std::set<std::string>());
  EXPECT_EQ(Contents(db_.get()), model_);
  env_.SetHook(nullptr);
  while (!db_->Flush().ok()) env_.SleepMicros(1000);
  EXPECT_EQ(Contents(db_.get()), model_);
}

// Before its name is durable a segment may not be named by the manifest, which would miss it after
// a loss of power.
TEST_F(FaultTest, ASegmentWhoseNameIsNotDurableIsRemoved) {
  Open();
  std::string made;
  std::string failed;
  std::atomic<bool> removed{false};
  env_.SetHook([&](FileCall call, std::string_view name) {
    if (!failed.empty()) {
      if (call == FileCall::kRemove && name == failed) removed = true;
      return Status::Ok();
    }
    const bool is_log = name.ends_with(".log");
    if (is_log && (call == FileCall::kCreateLog || call == FileCall::kReuseLog)) made = name;
    if (call != FileCall::kSyncDirectory || made.empty()) return Status::Ok();
    failed = made;
    return Status::FromErrno(ENOSPC, "injected", name);
  });
  while (!removed && written_ < 10'000) {
    const Status status = WriteUntilFailure(1);
    EXPECT_TRUE(status.ok() || status.Is(Code::kNoSpace)) << status.ToString();
  }
  EXPECT_TRUE(removed);
  while (!db_->Flush().ok()) env_.SleepMicros(1000);
  Reopen();
  EXPECT_EQ(Contents(db_.get()), model_);
}

TEST_F(FaultTest, TheIntervalOfSyncsIsKept) {
  Open({{"wal_sync_interval", "1ms"}});
  std::atomic<bool> synced{false};
  env_.SetHook([&](FileCall call, std::string_view name) {
    if (call == FileCall::kSyncLog && name.ends_with(".log")) synced = true;
    return Status::Ok();
  });
  ASSERT_TRUE(Put(db_.get(), "key", "value").ok());
  for (int i = 0; i < 20'000 && !synced; ++i) env_.SleepMicros(1000);
  EXPECT_TRUE(synced);
}

TEST_F(FaultTest, WritersAreToldWhenNoMemTableIsLeft) {
  Open();
  env_.FailAll(FileCall::kCreate, ".sst", ENOSPC);
  for (int i = 0; i < 3; ++i) {
    const Status status = WriteUntilFailure();
    ASSERT_TRUE(status.Is(Code::kNoSpace)) << status.ToString();
    EXPECT_EQ(Contents(db_.get()), model_);
  }
  env_.SetHook(nullptr);
  while (!WriteUntilFailure(1000).ok()) env_.SleepMicros(1000);
  EXPECT_EQ(Contents(db_.get()), model_);
  Reopen();
  EXPECT_EQ(Contents(db_.get()), model_);
}

TEST_F(FaultTest, AFailedCompactionChangesNothingAndLeavesNoFile) {
  Open();
  ASSERT_TRUE(WriteUntilFailure(2000).ok());
  ASSERT_TRUE(db_->Flush().ok());
  ASSERT_TRUE(db_->WaitIdle().ok());
  for (const FileCall call : {FileCall::kCreate, FileCall::kAppend, FileCall::kSyncWritable}) {
    SCOPED_TRACE(static_cast<int>(call));
    {
      // What it sees is not dropped by the merges of an idle tree, so that there is something to
      // do.
      const auto snapshot = db_->NewSnapshot();
      ASSERT_TRUE(snapshot.ok());
      ASSERT_TRUE(WriteUntilFailure(200).ok());
      ASSERT_TRUE(db_->Flush().ok());
      ASSERT_TRUE(db_->WaitIdle().ok());
    }
    env_.FailAll(call, ".sst", EIO);
    const Status failed = db_->CompactRange({"", InfiniteKey()}, nullptr);
    EXPECT_EQ(failed.errnum(), EIO) << failed.ToString();
    EXPECT_EQ(Contents(db_.get()), model_);
    EXPECT_EQ(OrphanTables(), std::set<std::string>());
    env_.SetHook(nullptr);
    EXPECT_TRUE(db_->CompactRange({"", InfiniteKey()}, nullptr).ok());
    EXPECT_EQ(Contents(db_.get()), model_);
  }
  Reopen();
  EXPECT_EQ(Contents(db_.get()), model_);
}

// The table stays for whoever can repair it; everything but its own rows goes on.
TEST_F(FaultTest, ADamagedTableIsLeftByCompactionsAndNamed) {
  Open({{"compression", "none"}, {"table_size", "4KiB"}});
  ASSERT_TRUE(WriteUntilFailure(500).ok());
  ASSERT_TRUE(db_->CompactRange({"", InfiniteKey()}, nullptr).ok());
  ASSERT_TRUE(db_->Close().ok());
  DirectoryFiles files = ReadDirectory(base_.get(), kDbPath);
  // In the middle of the table that holds key250.
  std::string damaged;
  for (auto& [name, bytes] : files) {
    const size_t at = bytes.find("key250");
    if (!name.ends_with(".sst") || at == std::string::npos) continue;
    bytes[at] ^= 1;
    damaged = name;
  }
  ASSERT_FALSE(damaged.empty());
  WriteDirectory(base_.get(), kDbPath, files);
  Open({{"compression", "none"}});
  ASSERT_TRUE(Put(db_.get(), "key250", "new").ok());
  model_["key250"] = "new";
  for (int i = 0; i < 3; ++i) {
    const Status status = db_->CompactRange({"key2", "key3"}, nullptr);
    ASSERT_TRUE(status.Is(Code::kCorruption)) << status.ToString();
    EXPECT_EQ(status.file(), std::string(kDbPath) + "/" + damaged);
    EXPECT_NE(status.message().find("stay as they are"), std::string::npos) << status.ToString();
    EXPECT_NE(status.message().find("\"key2"), std::string::npos) << status.ToString();
    EXPECT_TRUE(ReadDirectory(base_.get(), kDbPath).contains(damaged));
  }
  // Elsewhere reads, writes and compactions go on.
  EXPECT_EQ(Get(db_.get(), "key250"), "new");
  for (const char* key : {"key0", "key100", "key499"}) EXPECT_EQ(Get(db_.get(), key), model_[key]);
  EXPECT_TRUE(db_->CompactRange({"key4", InfiniteKey()}, nullptr).ok());
  ASSERT_TRUE(WriteUntilFailure(2000).ok());
  ASSERT_TRUE(db_->Flush().ok());
  const Status idle = db_->WaitIdle();
  EXPECT_TRUE(idle.Is(Code::kCorruption)) << idle.ToString();
  const std::string stats = *db_->GetProperty("stats");
  EXPECT_NE(stats.find(damaged), std::string::npos) << stats;
  EXPECT_TRUE(ReadDirectory(base_.get(), kDbPath).contains(damaged));
}

TEST_F(FaultTest, AFailedReadIsAnErrorNeverAMissingRow) {
  Open({{"mmap_reads", "false"}, {"block_cache_size", "0"}});
  ASSERT_TRUE(WriteUntilFailure(500).ok());
  ASSERT_TRUE(db_->CompactRange({"", InfiniteKey()}, nullptr).ok());
  env_.FailAll(FileCall::kRead, ".sst", EIO);
  EpochGuard guard;
  Db::Value value;
  EXPECT_EQ(db_->Get(nullptr, "key7", &value).errnum(), EIO);
  auto scan = db_->NewScan(nullptr, {"", InfiniteKey()});
  ASSERT_TRUE(scan.ok());
  EXPECT_EQ((*scan)->SeekFirst().errnum(), EIO);
  EXPECT_EQ((*scan)->Next().errnum(), EIO);
  EXPECT_EQ((*scan)->SeekLast().errnum(), EIO);
  env_.SetHook(nullptr);
  EXPECT_TRUE((*scan)->SeekFirst().ok());
  EXPECT_EQ(Contents(db_.get()), model_);
}

// Every k-th mutating call fails, once. Whatever the open says, the next one finds everything.
TEST_F(FaultTest, AnOpenThatFailsAnywhereLosesNothing) {
  Open();
  ASSERT_TRUE(WriteUntilFailure(300).ok());
  ASSERT_TRUE(db_->WaitIdle().ok());
  const DirectoryFiles files = ReadDirectory(base_.get(), kDbPath);
  ASSERT_TRUE(db_->Close().ok());
  db_.reset();
  for (const int errnum : {EIO, ENOSPC}) {
    bool failed = true;
    for (int k = 1; failed; ++k) {
      SCOPED_TRACE(testing::Message() << "call " << k << ", errno " << errnum);
      WriteDirectory(base_.get(), kDbPath, files);
      std::atomic<int> calls{0};
      env_.SetHook([&](FileCall, std::string_view name) {
        return ++calls == k ? Status::FromErrno(errnum, "injected", name) : Status::Ok();
      });
      auto opened = Db::Open(&env_, kDbPath, TinyOptions());
      failed = calls >= k;
      env_.SetHook(nullptr);
      if (opened.ok()) {
        EXPECT_EQ(Contents(opened->get()), model_);
        (void)(*opened)->Close();
      } else {
        EXPECT_EQ(opened.status().errnum(), errnum) << opened.status().ToString();
      }
      const auto db = MustOpen(&env_, TinyOptions());
      ASSERT_NE(db, nullptr);
      EXPECT_EQ(Contents(db.get()), model_);
      EXPECT_TRUE(db->Close().ok());
      if (HasFailure() || k > 500) return;
    }
  }
}

}  // namespace
}  // namespace lsm
