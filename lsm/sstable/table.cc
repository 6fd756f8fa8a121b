#include "lsm/sstable/table.h"

#include <new>

#include "absl/strings/str_cat.h"
#include "lsm/base/check.h"
#include "lsm/base/coding.h"
#include "lsm/sstable/block.h"
#include "lsm/sstable/properties.h"
#include "lsm/sstable/table_iterator.h"
#include "lsm/sstable/tombstones.h"

namespace lsm {
namespace {

// Looks for the newest version of `key` that the snapshot sees. False: the versions of `key` fill
// the block to its end, and none of them was it.
bool FindVersion(const BlockReader& rows, std::string_view key, uint8_t fingerprint,
                 SequenceNumber snapshot, Table::Lookup* lookup) {
  uint32_t row = rows.Find(key, fingerprint);
  if (row == rows.row_count()) return true;
  do {
    const uint64_t tag = rows.tag(row);
    if (TagSequence(tag) <= snapshot) [[likely]] {
      lookup->sequence = TagSequence(tag);
      if (TagKind(tag) == EntryKind::kPut) {
        lookup->state = Table::Lookup::State::kFound;
        lookup->value = rows.value(row);
      } else {
        lookup->state = Table::Lookup::State::kDeleted;
      }
      return true;
    }
    if (++row == rows.row_count()) return false;
  } while (rows.key(row) == key);
  return true;
}

}  // namespace

void Table::FreeAligned::operator()(char* memory) const {
  ::operator delete[](memory, std::align_val_t{kSectionAlignment});
}

Table::Table(std::unique_ptr<ReadableFile> file, const TableReadOptions& options)
    : path_(file->path()),
      file_size_(file->size()),
      file_(std::move(file)),
      cache_(options.cache) {}

Table::~Table() = default;

Result<RefPtr<Table>> Table::Open(std::unique_ptr<ReadableFile> file, uint64_t expected_number,
                                  const TableReadOptions& options) {
  auto table = RefPtr<Table>::Adopt(new Table(std::move(file), options));
  if (options.map && table->file_size_ >= kFooterSize) {
    LSM_ASSIGN_OR_RETURN(table->mapping_, table->file_->Map());
    table->file_ = nullptr;
  }
  LSM_RETURN_IF_ERROR(table->ReadFooter(expected_number));
  LSM_RETURN_IF_ERROR(table->ReadSections());
  table->fetcher_ = BlockFetcher({.file = table->file_.get(),
                                  .mapping = table->mapping_.get(),
                                  .cache = table->cache_,
                                  .dictionary = table->dictionary_.get(),
                                  .file_number = table->footer_.file_number,
                                  .path = table->path_},
                                 table->index_);
  return table;
}

Status Table::Damaged(const FileRange& range, std::string_view what) const {
  return Status::Corruption(path_, range.offset, what);
}

Status Table::ReadFooter(uint64_t expected_number) {
  char buffer[kFooterSize];
  std::string_view bytes;
  if (mapping_ != nullptr) {
    bytes = std::string_view(mapping_->data() + file_size_ - kFooterSize, kFooterSize);
  } else if (file_size_ >= kFooterSize) {
    LSM_RETURN_IF_ERROR(file_->Read(file_size_ - kFooterSize, kFooterSize, buffer));
    bytes = std::string_view(buffer, kFooterSize);
  }
  LSM_RETURN_IF_ERROR(ParseFooter(bytes, file_size_, path_, &footer_));
  if (expected_number != kAnyNumber && footer_.file_number != expected_number) {
    return Status::Corruption(
        path_, file_size_ - kFooterSize,
        absl::StrCat("this is table ", footer_.file_number, ", expected table ", expected_number));
  }
  return Status::Ok();
}

Status Table::ReadSection(const FileRange& range, std::string_view* content) {
  StoredBytes stored{{}, footer_.file_number, range.offset, path_};
  if (mapping_ != nullptr) {
    stored.bytes = std::string_view(mapping_->data() + range.offset, range.size);
  } else {
    AlignedMemory memory(static_cast<char*>(
        ::operator new[](range.size, std::align_val_t{kSectionAlignment}, std::nothrow)));
    if (memory == nullptr) return Status::OutOfMemory();
    LSM_RETURN_IF_ERROR(file_->Read(range.offset, range.size, memory.get()));
    stored.bytes = std::string_view(memory.get(), range.size);
    section_memory_.push_back(std::move(memory));
    section_memory_size_ += range.size;
  }
  return CheckSection(stored, content);
}

Status Table::ReadSections() {
  if (mapping_ != nullptr) {
    mapping_->Prefetch(footer_.data_end(), file_size_ - footer_.data_end());
  }
  std::string_view content;
  LSM_RETURN_IF_ERROR(ReadSection(footer_.properties, &content));
  if (const char* wrong = ParseProperties(content, &properties_); wrong != nullptr) {
    return Damaged(footer_.properties, wrong);
  }
  LSM_RETURN_IF_ERROR(ReadSection(footer_.index, &content));
  if (const char* wrong = IndexReader::Parse(content, footer_.data_end(), &index_);
      wrong != nullptr) {
    return Damaged(footer_.index, wrong);
  }
  if (footer_.dictionary.size != 0) {
    LSM_RETURN_IF_ERROR(ReadSection(footer_.dictionary, &content));
    auto dictionary = BlockDictionary::Parse(content);
    if (dictionary.status().Is(Code::kCorruption)) {
      return Damaged(footer_.dictionary, dictionary.status().message());
    }
    LSM_RETURN_IF_ERROR(dictionary.status());
    dictionary_ = dictionary.Take();
  }
  if (footer_.filter.size != 0) {
    LSM_RETURN_IF_ERROR(ReadSection(footer_.filter, &content));
    if (!BloomFilter::Parse(content, &filter_)) {
      return Damaged(footer_.filter, "the filter is not one of this format");
    }
  }
  if (footer_.tombstones.size != 0) {
    LSM_RETURN_IF_ERROR(ReadSection(footer_.tombstones, &content));
    if (const char* wrong = ParseTombstones(content, &raw_tombstones_); wrong != nullptr) {
      return Damaged(footer_.tombstones, wrong);
    }
    tombstones_ = FragmentedRangeTombstones(raw_tombstones_);
  }
  return Status::Ok();
}

bool Table::MayContain(uint64_t key_hash) const { return filter_.MayContain(key_hash); }

Status Table::Get(std::string_view key, uint64_t key_hash, SequenceNumber snapshot,
                  Lookup* lookup) const {
  lookup->state = Lookup::State::kAbsent;
  // The filter's line comes from memory while the index, which is mostly in the caches, is
  // searched.
  filter_.Prefetch(key_hash);
  const uint64_t first = index_.LowerBound(key);
  if (first == index_.block_count() || !filter_.MayContain(key_hash)) return Status::Ok();
  for (uint64_t block = first; block < index_.block_count(); ++block) {
    fetcher_.PrefetchBlock(block);
    const char* content;
    const MemoryBlock* memory;
    LSM_RETURN_IF_ERROR(fetcher_.Borrow(block, &content, &memory));
    if (FindVersion(BlockReader(content), key, KeyFingerprint(key_hash), snapshot, lookup)) {
      lookup->owner = memory != nullptr ? static_cast<const RefCounted*>(memory) : this;
      return Status::Ok();
    }
    if (index_.separator(block) != key) break;
  }
  return Status::Ok();
}

std::unique_ptr<EntryIterator> Table::NewIterator(ScanKind kind) const {
  return std::make_unique<TableIterator>(RefPtr<const Table>::Share(this), kind);
}

uint64_t Table::memory_used() const {
  return sizeof(Table) + section_memory_size_ + fetcher_.memory_used() +
         (dictionary_ == nullptr ? 0 : dictionary_->memory_used()) +
         raw_tombstones_.capacity() * sizeof(RangeTombstone) +
         tombstones_.fragments().size() * sizeof(FragmentedRangeTombstones::Fragment);
}

Status Table::VisitBlocks(const std::function<Status(const BlockInfo&)>& visit) const {
  for (uint64_t block = 0; block < index_.block_count(); ++block) {
    BlockTrailer trailer;
    std::string_view content;
    RefPtr<MemoryBlock> memory;
    LSM_RETURN_IF_ERROR(fetcher_.ReadFresh(block, &trailer, &content, &memory));
    LSM_RETURN_IF_ERROR(visit({.range = index_.range(block),
                               .compression = trailer.compression,
                               .content_size = trailer.content_size,
                               .row_count = BlockReader(content.data()).row_count(),
                               .separator = index_.separator(block)}));
  }
  return Status::Ok();
}

}  // namespace lsm
