// Tables made in a directory, and the files and runs that versions know them by.

#ifndef LSM_TESTS_VERSION_TABLE_FILES_TESTING_H_
#define LSM_TESTS_VERSION_TABLE_FILES_TESTING_H_

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lsm/env/mem_env.h"
#include "lsm/sstable/table_builder.h"
#include "lsm/version/file_names.h"
#include "lsm/version/version.h"
#include "tests/iterator/vector_iterator.h"

namespace lsm {

class TableFilesTest : public testing::Test {
 protected:
  explicit TableFilesTest(uint64_t max_open_tables = 4) : env_(NewMemEnv()) {
    auto opened = env_->OpenDirectory("db", Env::OpenMode::kCreateIfMissing, nullptr);
    EXPECT_TRUE(opened.ok());
    directory_ = opened.Take();
    cache_ = std::make_shared<TableCache>(directory_, TableReadOptions(), max_open_tables);
  }
  ~TableFilesTest() override {
    cache_->Close();
    EpochDrain();
  }

  // A table of these rows, which are in order and not empty.
  TableMeta MakeTable(uint64_t number, const std::vector<MemRow>& rows) {
    auto file = directory_->Create(TableFileName(number));
    EXPECT_TRUE(file.ok());
    TableBuilder builder({.file_number = number, .block_size = 64}, file.Take());
    for (const MemRow& row : rows) EXPECT_TRUE(builder.Add(EntryOf(row)).ok());
    EXPECT_TRUE(builder.Finish().ok());
    return {.number = number,
            .file_size = builder.file_size(),
            .entry_count = rows.size(),
            .min_sequence = builder.properties().min_sequence,
            .max_sequence = builder.properties().max_sequence,
            .range = {rows.front().key, rows.back().key + '\0'}};
  }
  RefPtr<const TableFile> MakeFile(uint64_t number) {
    const TableMeta meta = MakeTable(number, {{"k", 5, EntryKind::kPut, std::to_string(number)}});
    return RefPtr<const TableFile>(MakeRef<TableFile>(cache_, meta));
  }
  bool Exists(uint64_t number) { return directory_->OpenForReading(TableFileName(number)).ok(); }

  const std::unique_ptr<Env> env_;
  std::shared_ptr<Directory> directory_;
  std::shared_ptr<TableCache> cache_;
};

}  // namespace lsm

#endif  // LSM_TESTS_VERSION_TABLE_FILES_TESTING_H_
