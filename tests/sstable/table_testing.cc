#include "tests/sstable/table_testing.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <ostream>

#include "gtest/gtest.h"
#include "lsm/base/coding.h"
#include "lsm/base/hash.h"

namespace lsm {
namespace {

constexpr std::align_val_t kPage{4096};

struct FreePages {
  void operator()(char* bytes) const { ::operator delete[](bytes, kPage); }
};
using Pages = std::shared_ptr<char>;

Pages CopyToPages(std::string_view bytes) {
  Pages pages(new (kPage) char[bytes.size()], FreePages());
  std::memcpy(pages.get(), bytes.data(), bytes.size());
  return pages;
}

class StringMapping : public FileMapping {
 public:
  StringMapping(Pages pages, uint64_t size) : pages_(std::move(pages)) {
    data_ = pages_.get();
    size_ = size;
  }
  void Prefetch(uint64_t offset, uint64_t size) override {
    EXPECT_LE(offset, size_);
    EXPECT_LE(size, size_ - offset);
  }

 private:
  Pages pages_;
};

class StringFile : public ReadableFile {
 public:
  StringFile(std::string_view bytes, char** copy) : pages_(CopyToPages(bytes)) {
    path_ = "memory/000042.sst";
    size_ = bytes.size();
    if (copy != nullptr) *copy = pages_.get();
  }
  Status Read(uint64_t offset, size_t size, char* buffer) override {
    if (offset > size_ || size > size_ - offset) {
      return Status::Corruption(path_, offset, "the file ends before");
    }
    std::memcpy(buffer, pages_.get() + offset, size);
    return Status::Ok();
  }
  Result<std::unique_ptr<FileMapping>> Map() override {
    return std::unique_ptr<FileMapping>(std::make_unique<StringMapping>(pages_, size_));
  }
  Status Sync() override { return Status::Ok(); }

 private:
  Pages pages_;
};

class StringWriter : public WritableFile {
 public:
  explicit StringWriter(std::string* target) : target_(target) { path_ = "memory/000042.sst"; }
  ~StringWriter() override { EXPECT_EQ(synced_size_, size_) << "closed without a sync"; }
  Status Append(std::string_view bytes) override {
    target_->append(bytes);
    size_ += bytes.size();
    return Status::Ok();
  }
  Status Sync() override {
    synced_size_ = size_;
    return Status::Ok();
  }
  Status Close() override { return Status::Ok(); }

 private:
  std::string* target_;
  uint64_t synced_size_ = 0;
};

std::string RandomKey(std::mt19937_64* random) {
  std::string key = (*random)() % 4 == 0 ? "" : "user-";
  for (size_t i = (*random)() % 8; i > 0; --i) key += "ab\0\xff"[(*random)() % 4];
  return key;
}

std::string RandomValue(std::mt19937_64* random) {
  switch ((*random)() % 4) {
    case 0:
      return "";
    case 1:
      return std::string((*random)() % 300, 'v');
    case 2: {
      std::string noise;
      for (size_t i = (*random)() % 12; i > 0; --i) AppendFixed<uint64_t>(&noise, (*random)());
      return noise;
    }
    default:
      return "value-" + std::to_string((*random)() % 1000);
  }
}

void FixSum(std::string* table, uint64_t number, uint64_t offset, uint64_t covered) {
  const std::string_view bytes = std::string_view(*table).substr(offset, covered);
  StoreFixed<uint64_t>(table->data() + offset + covered,
                       Checksum64(bytes, ChecksumSeed(number, offset)));
}

}  // namespace

Row CopyOf(const Entry& entry) {
  return {std::string(entry.key), entry.sequence, entry.kind, std::string(entry.value)};
}

void PrintTo(const Row& row, std::ostream* out) {
  *out << testing::PrintToString(row.key) << "@" << row.sequence
       << (row.kind == EntryKind::kPut ? "=" : " deleted") << testing::PrintToString(row.value);
}

std::unique_ptr<WritableFile> NewStringWriter(std::string* target) {
  return std::make_unique<StringWriter>(target);
}

std::unique_ptr<ReadableFile> NewStringFile(std::string_view bytes, char** copy) {
  return std::make_unique<StringFile>(bytes, copy);
}

std::string BuildTable(const TableBuilderOptions& options, const std::vector<Row>& rows,
                       const std::vector<Tombstone>& tombstones, TableProperties* properties) {
  std::string bytes;
  TableBuilder builder(options, NewStringWriter(&bytes));
  EXPECT_TRUE(builder.empty());
  for (const Row& row : rows) {
    const Status added = builder.Add(row.entry());
    EXPECT_TRUE(added.ok()) << added.ToString();
  }
  for (const Tombstone& tombstone : tombstones) {
    builder.AddRangeTombstone({tombstone.begin, tombstone.end, tombstone.sequence});
  }
  EXPECT_FALSE(builder.empty());
  const Status finished = builder.Finish();
  EXPECT_TRUE(finished.ok()) << finished.ToString();
  EXPECT_EQ(builder.file_size(), bytes.size());
  if (properties != nullptr) *properties = builder.properties();
  return bytes;
}

Result<RefPtr<Table>> OpenTable(std::string_view bytes, const TableReadOptions& options,
                                uint64_t number) {
  return Table::Open(NewStringFile(bytes), number, options);
}

std::vector<Row> RandomRows(std::mt19937_64* random, size_t count) {
  std::vector<Row> rows;
  std::vector<std::string> keys(count);
  for (std::string& key : keys) key = RandomKey(random);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  for (const std::string& key : keys) {
    const bool zero = (*random)() % 2 == 0;
    if (zero) {
      rows.push_back({key, 0, EntryKind::kPut, RandomValue(random)});
      continue;
    }
    SequenceNumber sequence = 1000;
    for (size_t i = (*random)() % 8 == 0 ? 40 : 1 + (*random)() % 3; i > 0; --i) {
      sequence -= 1 + (*random)() % 20;
      const bool deleted = (*random)() % 4 == 0;
      rows.push_back({key, sequence, deleted ? EntryKind::kDelete : EntryKind::kPut,
                      deleted ? "" : RandomValue(random)});
    }
  }
  return rows;
}

const Row* NewestVisible(const std::vector<Row>& rows, std::string_view key,
                         SequenceNumber snapshot) {
  for (auto row = std::lower_bound(rows.begin(), rows.end(), key,
                                   [](const Row&a, std::string_view b) { return a.key < b; });
       row != rows.end() && row->key == key; ++row) {
    if (row->sequence <= snapshot) return &*row;
  }
  return nullptr;
}

void FixSums(std::string* table) {
  if (table->size() < kFooterSize) return;
  const uint64_t footer = table->size() - kFooterSize;
  const auto number = LoadFixed<uint64_t>(table->data() + footer);
  const auto handle = [&](uint64_t i) {
    return FileRange{LoadFixed<uint64_t>(table->data() + footer + 8 + i * 16),
                     LoadFixed<uint64_t>(table->data() + footer + 16 + i * 16)};
  };
  const auto fits = [&](const FileRange& range) {
    return range.offset <= footer && range.size <= footer - range.offset;
  };
  for (uint64_t i = 0; i < 5; ++i) {
    if (fits(handle(i)) && handle(i).size >= kSectionTrailerSize) {
      FixSum(table, number, handle(i).offset, handle(i).size - 8);
    }
  }
  const FileRange index = handle(2);
  if (fits(index) && index.size >= 64) {
    const auto count = LoadFixed<uint64_t>(table->data() + index.offset);
    const uint64_t data_end = handle(4).size != 0   ? handle(4).offset
                              : handle(0).size != 0 ? handle(0).offset
                              : handle(1).size != 0 ? handle(1).offset
                                                    : index.offset;
    const auto offset_at = [&](uint64_t i) { return 64 + i / 8 * 128 + 64 + i % 8 * 8; };
    for (uint64_t i = 0; i < count && offset_at(i + 1) + 8 <= index.size; ++i) {
      const char* bytes = table->data() + index.offset;
      const auto begin = LoadFixed<uint64_t>(bytes + offset_at(i));
      const auto end = i + 1 < count ? LoadFixed<uint64_t>(bytes + offset_at(i + 1)) : data_end;
      if (begin > end || end > footer || end - begin < kBlockTrailerSize) continue;
      FixSum(table, number, begin, end - begin - 8);
    }
  }
  FixSum(table, number, footer, kFooterSize - 16);
}

std::vector<Row> RestOf(EntryIterator* iterator, bool forward) {
  std::vector<Row> rows;
  while (iterator->valid()) {
    rows.push_back(CopyOf(iterator->entry()));
    if (forward) {
      iterator->Next();
    } else {
      iterator->Prev();
    }
  }
  return rows;
}

}  // namespace lsm
