#include "lsm/sstable/block_fetch.h"

#include "lsm/base/check.h"
#include "lsm/sstable/block.h"
#include "lsm/sstable/compression.h"

namespace lsm {
namespace {

// Header, fingerprints and offsets of an ordinary block.
constexpr uint64_t kPrefetchedLines = 3;

static_assert(kBlockSlack <= kBlockTrailerSize, "the trailer is the slack of a block in its file");

Status CheckContent(const StoredBytes& stored, std::string_view content) {
  const char* const wrong = CheckBlockContent(content);
  if (wrong == nullptr) [[likely]]
    return Status::Ok();
  return Status::Corruption(stored.path, stored.offset, wrong);
}

}  // namespace

BlockFetcher::BlockFetcher(const Source& source, const IndexReader& index)
    : source_(source),
      index_(index),
      states_(new std::atomic<uint64_t>[index.block_count() / kStatesPerWord + 1]()) {}

uint64_t BlockFetcher::memory_used() const {
  return (index_.block_count() / kStatesPerWord + 1) * 8;
}

void BlockFetcher::SetState(uint64_t block, State state) const {
  // Written once a block: threads that find it unknown at the same time find the same.
  states_[block / kStatesPerWord].fetch_or(
      static_cast<uint64_t>(state) << (block % kStatesPerWord * 2), std::memory_order_relaxed);
}

void BlockFetcher::PrefetchBlock(uint64_t block) const {
  if (source_.mapping == nullptr) return;
  const char* const bytes = source_.mapping->data() + index_.offset(block);
  for (uint64_t i = 0; i < kPrefetchedLines; ++i) __builtin_prefetch(bytes + i * kCacheLine);
}

bool BlockFetcher::MayBeCached(uint64_t block) const {
  if (source_.cache == nullptr) return false;
  if (source_.mapping == nullptr || StateOf(block) == State::kCompressed) return true;
  // Not seen yet: a raw one is never cached. What the trailer says is only a hint until it is
  // verified.
  BlockTrailer trailer;
  return ReadTrailer(block, &trailer).ok() && trailer.compression != BlockCompression::kRaw;
}

Status BlockFetcher::BorrowSlowly(uint64_t block, const char** content,
                                  const MemoryBlock** memory) const {
  if (MayBeCached(block)) {
    *memory = source_.cache->Lookup(CacheKey(block));
    if (*memory != nullptr) {
      *content = (*memory)->data();
      return Status::Ok();
    }
  }
  RefPtr<MemoryBlock> owned;
  LSM_RETURN_IF_ERROR(ReadAndShare(block, true, content, &owned));
  // Where the cache did not take it, the last reference goes here, and the guard keeps it readable.
  if (owned) owned->AllowBorrowing();
  *memory = owned.get();
  return Status::Ok();
}

Status BlockFetcher::Acquire(uint64_t block, bool fill_cache, FetchedBlock* fetched) const {
  if (StateOf(block) == State::kVerifiedRaw) [[likely]] {
    fetched->content = source_.mapping->data() + index_.offset(block);
    fetched->memory = nullptr;
    return Status::Ok();
  }
  if (MayBeCached(block)) {
    EpochGuard guard;
    const MemoryBlock* const cached = source_.cache->Lookup(CacheKey(block));
    if (cached != nullptr && cached->TryRef()) {
      fetched->memory = RefPtr<const MemoryBlock>::Adopt(cached);
      fetched->content = cached->data();
      return Status::Ok();
    }
  }
  RefPtr<MemoryBlock> memory;
  LSM_RETURN_IF_ERROR(ReadAndShare(block, fill_cache, &fetched->content, &memory));
  fetched->memory = std::move(memory);
  return Status::Ok();
}

Status BlockFetcher::ReadAndShare(uint64_t block, bool fill_cache, const char** content,
                                  RefPtr<MemoryBlock>* memory) const {
  BlockTrailer trailer;
  std::string_view bytes;
  LSM_RETURN_IF_ERROR(ReadFresh(block, &trailer, &bytes, memory));
  *content = bytes.data();
  if (*memory && fill_cache && source_.cache != nullptr) {
    source_.cache->Insert(CacheKey(block), *memory);
    EpochCollect();  // what the cache dropped for it
  }
  if (source_.mapping != nullptr) {
    SetState(block, *memory ? State::kCompressed : State::kVerifiedRaw);
  }
  return Status::Ok();
}

Status BlockFetcher::ReadStored(uint64_t block, StoredBytes* stored,
                                RefPtr<MemoryBlock>* memory) const {
  const FileRange range = index_.range(block);
  stored->file_number = source_.file_number;
  stored->offset = range.offset;
  stored->path = source_.path;
  if (source_.mapping != nullptr) {
    stored->bytes = std::string_view(source_.mapping->data() + range.offset, range.size);
    return Status::Ok();
  }
  *memory = MemoryBlock::Allocate(range.size);
  if (!*memory) return Status::OutOfMemory();
  stored->bytes = std::string_view((*memory)->data(), range.size);
  return source_.file->Read(range.offset, range.size, (*memory)->data());
}

Status BlockFetcher::ReadFresh(uint64_t block, BlockTrailer* trailer, std::string_view* content,
                               RefPtr<MemoryBlock>* memory) const {
  StoredBytes stored;
  LSM_RETURN_IF_ERROR(ReadStored(block, &stored, memory));
  LSM_RETURN_IF_ERROR(CheckBlock(stored, trailer, content));
  if (trailer->compression != BlockCompression::kRaw) {
    LSM_RETURN_IF_ERROR(Decompress(stored, *trailer, content, memory));
  }
  return CheckContent(stored, *content);
}

Status BlockFetcher::Decompress(const StoredBytes& stored, const BlockTrailer& trailer,
                                std::string_view* content, RefPtr<MemoryBlock>* memory) const {
  const BlockDictionary* dictionary = nullptr;
  if (trailer.compression == BlockCompression::kZstdDictionary) {
    dictionary = source_.dictionary;
    if (dictionary == nullptr) {
      return Status::Corruption(stored.path, stored.offset,
                                "a data block needs a dictionary, and the table has none");
    }
  }
  auto unpacked = MemoryBlock::Allocate(uint64_t{trailer.content_size} + kBlockSlack);
  if (!unpacked) return Status::OutOfMemory();
  LSM_RETURN_IF_ERROR(
      DecompressBlock(stored, *content, dictionary, unpacked->data(), trailer.content_size));
  *content = std::string_view(unpacked->data(), trailer.content_size);
  *memory = std::move(unpacked);
  return Status::Ok();
}

Status BlockFetcher::ReadTrailer(uint64_t block, BlockTrailer* trailer) const {
  const FileRange range = index_.range(block);
  StoredBytes stored{{}, source_.file_number, range.offset, source_.path};
  if (source_.mapping != nullptr) {
    stored.bytes = std::string_view(source_.mapping->data() + range.offset, range.size);
    return ParseBlockTrailer(stored, trailer);
  }
  RefPtr<MemoryBlock> memory;
  LSM_RETURN_IF_ERROR(ReadStored(block, &stored, &memory));
  return ParseBlockTrailer(stored, trailer);
}

}  // namespace lsm
