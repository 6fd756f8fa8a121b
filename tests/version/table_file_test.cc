#include "lsm/version/table_file.h"

#include <cerrno>

#include "tests/version/table_files_testing.h"

namespace lsm {
namespace {

class TableFileTest : public TableFilesTest {
 protected:
  // What the table has under "k", or the status in words.
  static std::string Look(const TableFile& file) {
    auto table = file.Share();
    if (!table.ok()) return table.status().ToString();
    const auto iterator = (*table)->NewIterator(Table::ScanKind::kLong);
    iterator->SeekFirst();
    return iterator->valid() ? std::string(iterator->entry().value) : iterator->status().ToString();
  }
};

TEST_F(TableFileTest, OpensWhenAskedAndNoMoreThanAllowed) {
  std::vector<RefPtr<const TableFile>> files;
  for (uint64_t number = 1; number <= 10; ++number) files.push_back(MakeFile(number));
  EXPECT_EQ(cache_->open_tables(), 0u);
  for (int round = 0; round < 3; ++round) {
    for (uint64_t number = 1; number <= 10; ++number) {
      EXPECT_EQ(Look(*files[number - 1]), std::to_string(number));
      EXPECT_LE(cache_->open_tables(), 4u);
      EXPECT_GT(cache_->open_tables(), 0u);
    }
  }
  EXPECT_GT(cache_->memory_used(), 0u);
  files.clear();
  EpochDrain();
  EXPECT_EQ(cache_->open_tables(), 0u);
  EXPECT_EQ(cache_->memory_used(), 0u);
  EXPECT_TRUE(Exists(1)) << "nobody said that it is obsolete";
}

TEST_F(TableFileTest, AReaderGoesOnWithATableThatWasClosedMeanwhile) {
  const auto file = MakeFile(1);
  std::vector<RefPtr<const TableFile>> others;
  EpochGuard guard;
  const Table* table = nullptr;
  ASSERT_TRUE(file->Get(&table).ok());
  for (uint64_t number = 2; number <= 20; ++number) {
    others.push_back(MakeFile(number));
    EXPECT_EQ(Look(*others.back()), std::to_string(number));
  }
  EXPECT_EQ(table->properties().entry_count, 1u);
  const Table* again = nullptr;
  ASSERT_TRUE(file->Get(&again).ok());
  EXPECT_EQ(again->properties().entry_count, 1u);
}

TEST_F(TableFileTest, AnObsoleteFileGoesWithItsLastReference) {
  auto file = MakeFile(1);
  auto other = file;
  auto open = file->Share();
  ASSERT_TRUE(open.ok());
  file->MarkObsolete();
  file = nullptr;
  EpochDrain();
  EXPECT_TRUE(Exists(1)) << "somebody may still open it";
  other = nullptr;
  EpochDrain();
  EXPECT_FALSE(Exists(1));
  // Who has it open reads on.
  const auto iterator = (*open)->NewIterator(Table::ScanKind::kLong);
  iterator->SeekFirst();
  ASSERT_TRUE(iterator->valid());
  EXPECT_EQ(iterator->entry().value, "1");
}

TEST_F(TableFileTest, NothingIsRemovedOrOpenedAfterClose) {
  auto obsolete = MakeFile(1);
  const auto never_opened = MakeFile(2);
  obsolete->MarkObsolete();
  cache_->Close();
  cache_->Close();
  obsolete = nullptr;
  EpochDrain();
  EXPECT_TRUE(Exists(1)) << "the name may be somebody else's by now";
  EXPECT_TRUE(never_opened->Share().status().Is(Code::kClosed));
}

TEST_F(TableFileTest, AFileThatIsNotTheManifestsIsNeverOpened) {
  for (const int change : {-1, 1}) {
    TableMeta meta =
        MakeTable(static_cast<uint64_t>(10 + change), {{"k", 5, EntryKind::kPut, "v"}});
    meta.file_size = meta.file_size + static_cast<uint64_t>(change);
    const RefPtr<const TableFile> file(MakeRef<TableFile>(cache_, meta));
    const Status status = file->Share().status();
    EXPECT_TRUE(status.Is(Code::kCorruption)) << status.ToString();
    EXPECT_EQ(status.file(), "db/" + TableFileName(meta.number));
  }
  // One of another database, of the same number and as many bytes.
  for (uint64_t TableMeta::*const other :
       {&TableMeta::entry_count, &TableMeta::delete_count, &TableMeta::range_tombstone_count,
        &TableMeta::min_sequence, &TableMeta::max_sequence}) {
    TableMeta meta = MakeTable(30, {{"k", 5, EntryKind::kPut, "v"}});
    meta.*other += 1;
    const RefPtr<const TableFile> file(MakeRef<TableFile>(cache_, meta));
    const Status status = file->Share().status();
    EXPECT_TRUE(status.Is(Code::kCorruption)) << status.ToString();
    EXPECT_NE(status.message().find("not the table"), std::string::npos) << status.ToString();
    ASSERT_TRUE(directory_->Remove(TableFileName(30)).ok());
  }
  for (const KeyRange& range : {KeyRange{"a", "m"}, KeyRange{"l", "z"}}) {
    TableMeta meta = MakeTable(30, {{"k", 5, EntryKind::kPut, "v"}, {"m", 6, EntryKind::kPut, ""}});
    meta.range = range;
    const RefPtr<const TableFile> file(MakeRef<TableFile>(cache_, meta));
    const Status status = file->Share().status();
    EXPECT_NE(status.message().find("outside the range"), std::string::npos) << status.ToString();
    ASSERT_TRUE(directory_->Remove(TableFileName(30)).ok());
  }
  // A table of another number in its place.
  TableMeta meta = MakeTable(20, {{"k", 5, EntryKind::kPut, "v"}});
  ASSERT_TRUE(directory_->Rename(TableFileName(20), TableFileName(21)).ok());
  meta.number = 21;
  const RefPtr<const TableFile> stranger(MakeRef<TableFile>(cache_, meta));
  EXPECT_TRUE(stranger->Share().status().Is(Code::kCorruption));
  // One that is missing; once it is back, all is well.
  meta.number = 20;
  const RefPtr<const TableFile> missing(MakeRef<TableFile>(cache_, meta));
  EXPECT_EQ(missing->Share().status().errnum(), ENOENT);
  ASSERT_TRUE(directory_->Rename(TableFileName(21), TableFileName(20)).ok());
  EXPECT_TRUE(missing->Share().ok());
}

}  // namespace
}  // namespace lsm
