// What an open finds: after a crash of the process, beside damage, in directories of others, with
// other options than before.

#include <atomic>
#include <cerrno>
#include <functional>
#include <random>
#include <vector>

#include "lsm/env/mem_env.h"
#include "lsm/version/file_names.h"
#include "lsm/version/manifest.h"
#include "lsm/version/version_set.h"
#include "lsm/wal/log_format.h"
#include "tests/db/db_testing.h"
#include "tests/env/directory_files.h"
#include "tests/env/faulty_env.h"
#include "tests/fuzz/segment_repair.h"

namespace lsm {
namespace {

std::string KeyOf(uint64_t number) { return "key" + std::to_string(number); }

std::string FirstOf(const DirectoryFiles& files, FileType wanted) {
  for (const auto& [name, bytes] : files) {
    FileType type;
    uint64_t number;
    if (ParseFileName(name, &type, &number) && type == wanted) return name;
  }
  return "";
}

// The files that a crash of the process would leave now. REQUIRES: no background work.
DirectoryFiles CrashNow(Env* env, Db* db) {
  EXPECT_TRUE(db->WaitIdle().ok());
  return ReadDirectory(env, kDbPath);
}

// Opens a database of these files, where `check` may look at it.
void Reopen(const DirectoryFiles& files, const Options& options,
            const std::function<void(Db*)>& check) {
  const auto env = NewMemEnv();
  WriteDirectory(env.get(), kDbPath, files);
  const auto db = MustOpen(env.get(), options);
  if (db == nullptr) return;
  check(db.get());
  EXPECT_TRUE(db->Close().ok());
}

// The answer to an open of these files, which must not change them where it fails.
Status OpenStatus(const DirectoryFiles& files, const Options& options) {
  const auto env = NewMemEnv();
  WriteDirectory(env.get(), kDbPath, files);
  const auto db = Db::Open(env.get(), kDbPath, options);
  if (!db.ok()) {
    EXPECT_EQ(ReadDirectory(env.get(), kDbPath), files);
  }
  return db.status();
}

// A few tables, and rows in the log.
DirectoryFiles SomeFiles(Model* model) {
  const auto env = NewMemEnv();
  const auto db = MustOpen(env.get(), TinyOptions());
  for (int i = 0; i < 300; ++i) {
    const std::string value(static_cast<size_t>(i), 'v');
    EXPECT_TRUE(Put(db.get(), KeyOf(i), value).ok());
    (*model)[KeyOf(i)] = value;
  }
  EXPECT_TRUE(db->Flush().ok());
  for (int i = 200; i < 220; ++i) {
    EXPECT_TRUE(Put(db.get(), KeyOf(i), "late", /*sync=*/true).ok());
    (*model)[KeyOf(i)] = "late";
  }
  return CrashNow(env.get(), db.get());
}

TEST(RecoveryTest, CrashesAtAnyFileCallKeepAllThatWasAcknowledged) {
  struct Image {
    DirectoryFiles files;
    size_t acknowledged;
  };
  for (const uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const auto base = NewMemEnv();
    FaultyEnv env(base.get());
    const auto db = MustOpen(&env, TinyOptions());
    std::atomic<size_t> acknowledged{0};
    std::vector<Image> images;
    uint64_t calls = 0;
    env.SetHook([&](FileCall, std::string_view) {
      if (++calls % 59 == 0 && images.size() < 60) {
        images.push_back({ReadDirectory(base.get(), kDbPath), acknowledged.load()});
      }
      return Status::Ok();
    });
    std::vector<WriteBatch> batches(1500);
    for (WriteBatch& batch : batches) {
      for (uint64_t i = random() % 3 + 1; i > 0; --i) {
        const std::string key = KeyOf(random() % 200);
        const uint64_t dice = random() % 20;
        ASSERT_TRUE((dice == 0   ? batch.DeleteRange(key, key + "5")
                     : dice <= 4 ? batch.Delete(key)
                                 : batch.Put(key, std::string(random() % 40, 'a' + dice)))
                        .ok());
      }
      ASSERT_TRUE(db->Write(batch, random() % 8 == 0).ok());
      acknowledged.fetch_add(1);
    }
    env.SetHook(nullptr);
    ASSERT_TRUE(db->Close().ok());
    ASSERT_GT(images.size(), 20u);
    for (const Image& image : images) {
      SCOPED_TRACE(testing::Message() << "after write " << image.acknowledged);
      Model model;
      for (size_t i = 0; i < image.acknowledged; ++i) ApplyToModel(batches[i], &model);
      Reopen(image.files, TinyOptions(), [&](Db* reopened) {
        const Model rows = Contents(reopened);
        // The write in flight may have happened, as a whole.
        if (rows != model && image.acknowledged < batches.size()) {
          ApplyToModel(batches[image.acknowledged], &model);
        }
        EXPECT_EQ(rows, model);
      });
      if (HasFailure()) return;
    }
  }
}

TEST(RecoveryTest, ACrashAtAnyCallOfAnOpenLeavesWhatOpens) {
  DirectoryFiles files;
  for (const char* which : {"the first open", "an open of an empty log"}) {
    const auto base = NewMemEnv();
    WriteDirectory(base.get(), kDbPath, files);
    FaultyEnv env(base.get());
    std::vector<DirectoryFiles> images;
    env.SetHook([&](FileCall, std::string_view) {
      images.push_back(ReadDirectory(base.get(), kDbPath));
      return Status::Ok();
    });
    const auto db = MustOpen(&env, TinyOptions());
    ASSERT_NE(db, nullptr);
    env.SetHook(nullptr);
    EXPECT_TRUE(db->Close().ok());
    files = ReadDirectory(base.get(), kDbPath);
    EXPECT_GT(images.size(), 10u);
    for (size_t i = 0; i < images.size(); ++i) {
      SCOPED_TRACE(testing::Message() << "before call " << i << " of " << which);
      Reopen(images[i], TinyOptions(), [](Db* opened) { EXPECT_TRUE(Contents(opened).empty()); });
    }
  }
}

TEST(RecoveryTest, ATornTailOfTheLogIsCutToWholeWrites) {
  const auto env = NewMemEnv();
  const auto db = MustOpen(env.get(), TinyOptions());
  std::vector<Model> prefixes(1);
  for (int i = 0; i < 20; ++i) {
    WriteBatch batch;
    ASSERT_TRUE(batch.Put(KeyOf(i), std::string(static_cast<size_t>(i), 'x')).ok());
    ASSERT_TRUE(batch.Delete(KeyOf(i / 2)).ok());
    ASSERT_TRUE(db->Write(batch, false).ok());
    prefixes.push_back(prefixes.back());
    ApplyToModel(batch, &prefixes.back());
  }
  for (const char rubbish : {'\0', '\xa5'}) {
    DirectoryFiles files = ReadDirectory(env.get(), kDbPath);
    std::string& log = files[FirstOf(files, FileType::kLog)];
    const size_t end = log.find_last_not_of('\0') + 1;
    size_t survivors = prefixes.size() - 1;
    for (size_t cut = end - 1; cut >= kLogSegmentHeaderSize; cut -= 5) {
      SCOPED_TRACE(testing::Message() << "cut at " << cut << ", rubbish " << int{rubbish});
      std::fill(log.begin() + static_cast<ptrdiff_t>(cut),
                log.begin() + static_cast<ptrdiff_t>(end), rubbish);
      Reopen(files, TinyOptions(), [&](Db* reopened) {
        const Model rows = Contents(reopened);
        while (survivors > 0 && prefixes[survivors] != rows) --survivors;
        EXPECT_EQ(rows, prefixes[survivors]);
        // What is written now goes where the tail was cut.
        EXPECT_TRUE(Put(reopened, "new", "row").ok());
        EXPECT_EQ(Get(reopened, "new"), "row");
      });
      if (HasFailure()) return;
    }
    EXPECT_EQ(prefixes[survivors], Model());
  }
}

TEST(RecoveryTest, DamageBeforeWhatWasSyncedIsRefused) {
  Model model;
  const DirectoryFiles files = SomeFiles(&model);
  DirectoryFiles damaged = files;
  // The active segment is the one whose records have the last writes in them.
  for (auto& [name, bytes] : damaged) {
    if (!name.ends_with(".log") || bytes.find("late") == std::string::npos) continue;
    for (size_t at = bytes.find("late"); at != std::string::npos; at = bytes.find("late", at + 1)) {
      if (bytes.find("late", at + 1) == std::string::npos) break;  // the mark behind it may be lost
      bytes[at] ^= 1;
      const Status status = OpenStatus(damaged, TinyOptions());
      EXPECT_TRUE(status.Is(Code::kCorruption)) << status.ToString();
      EXPECT_EQ(status.file(), std::string(kDbPath) + "/" + name);
      EXPECT_LT(status.offset(), at);
      bytes[at] ^= 1;
    }
  }
  EXPECT_TRUE(OpenStatus(damaged, TinyOptions()).ok());
}

// Records under right sums, as a faulty or hostile writer leaves them.
TEST(RecoveryTest, RecordsThatNoWriteMakesAreRefused) {
  const auto env = NewMemEnv();
  const auto db = MustOpen(env.get(), TinyOptions());
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(Put(db.get(), key, "value").ok());
  const DirectoryFiles good = CrashNow(env.get(), db.get());
  const std::string name = FirstOf(good, FileType::kLog);
  FileType type;
  uint64_t number;
  ASSERT_TRUE(ParseFileName(name, &type, &number));
  const std::string& log = good.at(name);
  // Of the second record: size at 8 of the header, sequence number at 24; a payload is a keyspace,
  // a count of four bytes and the operations.
  const size_t record = kLogSegmentHeaderSize +
                        LogRecordSize(LoadFixed<uint32_t>(log.data() + kLogSegmentHeaderSize + 8));
  const size_t payload = record + kLogRecordHeaderSize;
  ASSERT_EQ(LoadFixed<uint64_t>(log.data() + record + 24), 2);
  struct Case {
    const char* expected;
    std::function<void(char* log)> change;
    Code code = Code::kCorruption;
  };
  for (const auto& [expected, change, code] : std::vector<Case>{
           {"of keyspace 1", [&](char* bytes) { bytes[payload] = 1; }, Code::kUnsupported},
           {"no valid batch", [&](char* bytes) { bytes[payload + 5] = '\xee'; }},
           {"no valid batch", [&](char* bytes) { bytes[payload + 1] = 2; }},
           {"expected one above 1", [&](char* bytes) { bytes[record + 24] = 1; }},
           {"expected one above 1",
            [&](char* bytes) { StoreFixed<uint64_t>(bytes + record + 24, kMaxSequence); }}}) {
    SCOPED_TRACE(expected);
    DirectoryFiles files = good;
    change(files[name].data());
    fuzz::RepairSegment(number, &files[name]);
    const Status status = OpenStatus(files, TinyOptions());
    EXPECT_TRUE(status.Is(code)) << status.ToString();
    EXPECT_NE(status.message().find(expected), std::string_view::npos) << status.ToString();
    EXPECT_EQ(status.file(), std::string(kDbPath) + "/" + name);
    EXPECT_EQ(status.offset(), record);
    WriteDirectory(env.get(), "copy", files);
    EXPECT_TRUE(VerifyPath(env.get(), "copy", nullptr, nullptr).Is(code));
  }
}

TEST(RecoveryTest, AMissingOrResizedFileIsCorruptionThatNamesIt) {
  Model model;
  const DirectoryFiles files = SomeFiles(&model);
  int tried = 0;
  for (const auto& [name, bytes] : files) {
    FileType type;
    uint64_t number;
    ASSERT_TRUE(ParseFileName(name, &type, &number)) << name;
    if (type == FileType::kCurrent || type == FileType::kManifest) continue;
    const auto expect_refused = [&](const DirectoryFiles& changed, const char* what) {
      const Status status = OpenStatus(changed, TinyOptions());
      EXPECT_TRUE(status.Is(Code::kCorruption)) << name << " " << what << ": " << status.ToString();
      EXPECT_EQ(status.file(), std::string(kDbPath) + "/" + name) << what;
      Options read_only = TinyOptions({{"read_only", "true"}});
      EXPECT_TRUE(OpenStatus(changed, read_only).Is(Code::kCorruption)) << name << " " << what;
    };
    DirectoryFiles changed = files;
    changed.erase(name);
    // Nobody misses what a merge has just replaced, nor a retired segment that is kept for reuse.
    if (OpenStatus(changed, TinyOptions()).ok()) continue;
    ++tried;
    expect_refused(changed, "removed");
    changed[name] = "";
    expect_refused(changed, "emptied");
    changed[name] = bytes.substr(0, bytes.size() - 1);
    expect_refused(changed, "cut");
    changed[name] = bytes + '\0';
    expect_refused(changed, "grown");
  }
  EXPECT_GE(tried, 4);
}

TEST(RecoveryTest, AVerificationThatFindsDamageLetsGoOfTheDirectory) {
  Model model;
  const DirectoryFiles files = SomeFiles(&model);
  const auto env = NewMemEnv();
  for (const auto& [name, bytes] : files) {
    SCOPED_TRACE(name);
    DirectoryFiles damaged = files;
    damaged.erase(name);
    WriteDirectory(env.get(), kDbPath, damaged);
    (void)VerifyPath(env.get(), kDbPath, nullptr, nullptr);
    WriteDirectory(env.get(), kDbPath, files);
    const auto db = MustOpen(env.get(), TinyOptions());
    ASSERT_NE(db, nullptr);
    EXPECT_EQ(Contents(db.get()), model);
    EXPECT_TRUE(db->Close().ok());
  }
}

TEST(RecoveryTest, AVerificationComparesWhatTheManifestSaysOfATable) {
  Model model;
  const DirectoryFiles files = SomeFiles(&model);
  const std::pair<const char*, uint64_t TableMeta::*> counts[] = {
      {"an entry count", &TableMeta::entry_count},
      {"a deletion count", &TableMeta::delete_count},
      {"a range tombstone count", &TableMeta::range_tombstone_count},
      {"a highest sequence number", &TableMeta::max_sequence}};
  for (const auto& [name, count] : counts) {
    const auto env = NewMemEnv();
    WriteDirectory(env.get(), kDbPath, files);
    std::string table;
    {
      const std::shared_ptr<Directory> directory =
          env->OpenDirectory(kDbPath, Env::OpenMode::kMustExist, nullptr).Take();
      const auto tables = std::make_shared<TableCache>(directory, TableReadOptions(), 1);
      const auto versions = VersionSet::Recover(directory, tables).Take();
      VersionEdit state{.next_file_number = versions->NewFileNumber() + 1,
                        .next_run_id = versions->NewRunId(),
                        .last_sequence = versions->last_sequence(),
                        .log_synced = versions->log_synced(),
                        .added_logs = versions->logs(),
                        .added_slices = versions->current()->Describe()};
      TableMeta& meta = state.added_slices.front().table;
      meta.*count += 1;
      table = TableFileName(meta.number);
      const uint64_t manifest = *state.next_file_number - 1;
      ASSERT_TRUE(ManifestWriter::Create(directory.get(), manifest, state).ok());
      ASSERT_TRUE(SetCurrentManifest(directory.get(), manifest).ok());
      tables->Close();
    }
    const Status status = VerifyPath(env.get(), kDbPath, nullptr, nullptr);
    EXPECT_TRUE(status.Is(Code::kCorruption)) << status.ToString();
    EXPECT_EQ(status.file(), std::string(kDbPath) + "/" + table);
    EXPECT_NE(status.message().find(name), std::string::npos) << status.ToString();
  }
}

TEST(RecoveryTest, DataWithoutCurrentIsNoFreshDatabase) {
  Model model;
  DirectoryFiles files = SomeFiles(&model);
  files.erase("CURRENT");
  for (const char* kept : {".sst", ".log"}) {
    DirectoryFiles some = files;
    std::erase_if(some, [&](const auto& file) { return !file.first.ends_with(kept); });
    ASSERT_FALSE(some.empty());
    const Status status = OpenStatus(some, TinyOptions());
    EXPECT_TRUE(status.Is(Code::kCorruption)) << kept << status.ToString();
    EXPECT_EQ(status.file(), std::string(kDbPath) + "/CURRENT");
  }
  EXPECT_TRUE(OpenStatus(files, TinyOptions()).Is(Code::kCorruption));
  // A crash in the first open of all leaves this.
  std::erase_if(files, [](const auto& file) { return !file.first.starts_with("MANIFEST"); });
  ASSERT_FALSE(files.empty());
  Reopen(files, TinyOptions(), [](Db* db) { EXPECT_TRUE(Contents(db).empty()); });
}

TEST(RecoveryTest, DirectoriesOfOthersAreRefusedAndLeftAlone) {
  const Status status = OpenStatus({{"thesis.txt", "years of work"}}, TinyOptions());
  EXPECT_TRUE(status.Is(Code::kInvalidArgument)) << status.ToString();
  EXPECT_NE(status.message().find("thesis.txt"), std::string::npos) << status.ToString();
  // Near misses of the engine's own names are not its files.
  EXPECT_TRUE(OpenStatus({{"1.sst", ""}}, TinyOptions()).Is(Code::kInvalidArgument));
  EXPECT_TRUE(OpenStatus({{"current", ""}}, TinyOptions()).Is(Code::kInvalidArgument));
  EXPECT_TRUE(OpenStatus({{".hidden", ""}, {"lost+found", ""}}, TinyOptions()).ok());
}

TEST(RecoveryTest, WhatMayBeMadeIsUpToTheOptions) {
  const auto env = NewMemEnv();
  const auto open = [&](std::initializer_list<std::pair<const char*, const char*>> changes) {
    return Db::Open(env.get(), kDbPath, TinyOptions(changes)).status();
  };
  for (const char* option : {"read_only", "create_if_missing"}) {
    const Status status = open({{option, option[0] == 'r' ? "true" : "false"}});
    EXPECT_EQ(status.errnum(), ENOENT) << status.ToString();
    EXPECT_EQ(env->Classify(kDbPath).status().errnum(), ENOENT);
  }
  ASSERT_TRUE(open({{"error_if_exists", "true"}}).ok());
  const DirectoryFiles files = ReadDirectory(env.get(), kDbPath);
  EXPECT_TRUE(open({{"error_if_exists", "true"}}).Is(Code::kExists));
  EXPECT_EQ(ReadDirectory(env.get(), kDbPath), files);
}

TEST(RecoveryTest, ReadersChangeNoByteAndSeeTheLog) {
  Model model;
  const DirectoryFiles files = SomeFiles(&model);
  const auto env = NewMemEnv();
  WriteDirectory(env.get(), kDbPath, files);
  const Options options = TinyOptions({{"read_only", "true"}});
  const auto first = MustOpen(env.get(), options);
  const auto second = MustOpen(env.get(), options);
  ASSERT_TRUE(first != nullptr && second != nullptr);
  EXPECT_TRUE(Db::Open(env.get(), kDbPath, TinyOptions()).status().Is(Code::kLocked));
  EXPECT_EQ(Contents(first.get()), model);
  EXPECT_EQ(Contents(second.get()), model);
  EXPECT_TRUE(Put(first.get(), "k", "v").Is(Code::kReadOnly));
  EXPECT_TRUE(first->Flush().Is(Code::kReadOnly));
  EXPECT_TRUE(first->CompactRange({"", InfiniteKey()}, nullptr).Is(Code::kReadOnly));
  EXPECT_TRUE(first->WaitIdle().ok());
  EXPECT_TRUE(first->Close().ok());
  EXPECT_EQ(Contents(second.get()), model);
  EXPECT_TRUE(second->Close().ok());
  EXPECT_EQ(ReadDirectory(env.get(), kDbPath), files);
}

TEST(RecoveryTest, OpensWithOtherOptionsThanThoseOfTheFiles) {
  Model model;
  const DirectoryFiles files = SomeFiles(&model);
  const Options others[] = {
      TinyOptions({{"block_size", "64"}, {"table_size", "1MiB"}, {"compression", "none"}}),
      TinyOptions({{"compaction_style", "tiered"}, {"filter_bits_per_key", "0"}}),
      TinyOptions({{"compaction_style", "leveled"}, {"size_ratio", "16"}}),
      TinyOptions({{"write_buffer_size", "1MiB"}, {"memory_budget", "16MiB"}}),
      TinyOptions({{"mmap_reads", "false"}, {"block_cache_size", "0"}}),
      Options(),
  };
  for (const Options& options : others) {
    Reopen(files, options, [&](Db* db) {
      EXPECT_EQ(Contents(db), model);
      EXPECT_TRUE(Put(db, "key7", "again").ok());
      EXPECT_TRUE(db->CompactRange({"", InfiniteKey()}, nullptr).ok());
      Model changed = model;
      changed["key7"] = "again";
      EXPECT_EQ(Contents(db), changed);
    });
  }
}

TEST(RecoveryTest, ATinyMemoryOverABigLogSpillsAndMayCrashMeanwhile) {
  Model model;
  DirectoryFiles files;
  {
    const auto env = NewMemEnv();
    const auto db = MustOpen(
        env.get(), TinyOptions({{"memory_budget", "128MiB"}, {"write_buffer_size", "20MiB"}}));
    std::mt19937_64 random(1);
    for (int i = 0; i < 1000; ++i) {
      const std::string key = KeyOf(random() % 700);
      const std::string value(random() % 20'000, static_cast<char>('a' + i % 26));
      ASSERT_TRUE(Put(db.get(), key, value).ok());
      model[key] = value;
    }
    files = ReadDirectory(env.get(), kDbPath);
  }
  EXPECT_EQ(FirstOf(files, FileType::kTable), "");
  const Options options = TinyOptions({{"table_size", "64KiB"}, {"write_buffer_size", "64KiB"}});
  const auto base = NewMemEnv();
  WriteDirectory(base.get(), kDbPath, files);
  FaultyEnv env(base.get());
  uint64_t tables = 0;
  env.SetHook([&](FileCall call, std::string_view name) {
    const bool fails = call == FileCall::kCreate && name.ends_with(".sst") && ++tables == 20;
    return fails ? Status::FromErrno(EIO, "injected", name) : Status::Ok();
  });
  const Status failed = Db::Open(&env, kDbPath, options).status();
  EXPECT_EQ(failed.errnum(), EIO) << failed.ToString();
  // Some of it is in tables and in the log now.
  EXPECT_NE(FirstOf(ReadDirectory(base.get(), kDbPath), FileType::kTable), "");
  const auto db = MustOpen(&env, options);
  ASSERT_NE(db, nullptr);
  EXPECT_GT(tables, 40u);
  EXPECT_TRUE(Contents(db.get()) == model);
  EXPECT_TRUE(db->Flush().ok());
  EXPECT_TRUE(Contents(db.get()) == model);
  EXPECT_TRUE(db->Close().ok());
  EXPECT_TRUE(VerifyPath(base.get(), kDbPath, nullptr, nullptr).ok());
}

}  // namespace
}  // namespace lsm
