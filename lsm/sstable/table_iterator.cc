#include "lsm/sstable/table_iterator.h"

#include <algorithm>
#include <utility>

#include "lsm/base/limits.h"

namespace lsm {
namespace {

// A short scan is one of a few blocks: what it reads may soon be wanted again. What follows is a
// long scan whatever it was called, and would only push others out of the cache.
constexpr uint32_t kCachedBlocksPerSeek = 4;
// From the fourth block on a scan is likely to go on; it is then announced this far ahead.
constexpr uint32_t kReadAheadFrom = 4;
// Each piece is twice the last: announcing a mebibyte costs more than a short scan.
constexpr uint64_t kFirstReadAhead = 32 * kKiB;
constexpr uint64_t kLargestReadAhead = 1 * kMiB;

}  // namespace

TableIterator::TableIterator(RefPtr<const Table> table, Table::ScanKind kind)
    : table_(std::move(table)), kind_(kind) {}

void TableIterator::SetPinList(PinList* pins) {
  if (pins_ != nullptr) {
    // From here on nothing of what was seen may be let go, and the list is the last chance to keep
    // it.
    if (memory_) pins_->push_back(memory_);
    pins_->push_back(table_);
  }
  pins_ = pins;
}

void TableIterator::StartSeek() {
  Invalidate();
  status_ = Status::Ok();
  blocks_entered_ = 0;
}

void TableIterator::LeaveBlock() {
  block_ = kNoBlock;
  if (!memory_) return;
  if (pins_ != nullptr) pins_->push_back(std::move(memory_));
  memory_ = nullptr;
}

bool TableIterator::EnterBlock(uint64_t block) {
  if (block == block_) return true;
  const bool fill_cache =
      kind_ == Table::ScanKind::kShort && blocks_entered_ < kCachedBlocksPerSeek;
  LeaveBlock();
  FetchedBlock fetched;
  if (Status status = table_->fetcher_.Acquire(block, fill_cache, &fetched); !status.ok()) {
    Fail(std::move(status));
    return false;
  }
  ++blocks_entered_;
  block_ = block;
  memory_ = std::move(fetched.memory);
  rows_ = BlockReader(fetched.content);
  return true;
}

void TableIterator::SeekFirst() {
  StartSeek();
  if (block_count() > 0 && EnterBlock(0)) StandOn(0);
}

void TableIterator::SeekLast() {
  StartSeek();
  if (block_count() > 0 && EnterBlock(block_count() - 1)) StandOn(rows_.row_count() - 1);
}

void TableIterator::Seek(std::string_view key) {
  StartSeek();
  const uint64_t block = table_->index_.LowerBound(key);
  if (block == block_count()) return;
  table_->fetcher_.PrefetchBlock(block);
  if (!EnterBlock(block)) return;
  const uint32_t row = rows_.LowerBound(key);
  if (row < rows_.row_count()) {
    StandOn(row);
  } else {
    EnterNextBlock();
  }
}

void TableIterator::SeekForPrev(std::string_view key) {
  StartSeek();
  if (block_count() == 0) return;
  const uint64_t block = std::min(table_->index_.UpperBound(key), block_count() - 1);
  table_->fetcher_.PrefetchBlock(block);
  if (!EnterBlock(block)) return;
  const uint32_t row = rows_.UpperBound(key);
  if (row > 0) {
    StandOn(row - 1);
  } else {
    EnterPrevBlock();
  }
}

void TableIterator::EnterNextBlock() {
  Invalidate();
  if (block_ + 1 == block_count() || !EnterBlock(block_ + 1)) return;
  StandOn(0);
  ReadAhead(true);
}

void TableIterator::EnterPrevBlock() {
  Invalidate();
  if (block_ == 0 || !EnterBlock(block_ - 1)) return;
  StandOn(rows_.row_count() - 1);
  ReadAhead(false);
}

void TableIterator::ReadAhead(bool forward) {
  const uint64_t neighbour = forward ? block_ + 1 : block_ - 1;
  if (neighbour < block_count()) table_->fetcher_.PrefetchBlock(neighbour);
  if (blocks_entered_ < kReadAheadFrom) return;
  const FileRange range = table_->index_.range(block_);
  const uint64_t data_end = table_->footer_.data_end();
  if (blocks_entered_ == kReadAheadFrom) {
    announced_ = forward ? range.end() : range.offset;
    read_ahead_ = kFirstReadAhead;
  }
  // The next piece is announced while about half of the last one is still to be read.
  announced_ = forward ? std::max(announced_, range.end()) : std::min(announced_, range.offset);
  const uint64_t left = forward ? announced_ - range.end() : range.offset - announced_;
  const uint64_t size = std::min(read_ahead_, forward ? data_end - announced_ : announced_);
  if (left > read_ahead_ / 4 || size == 0) return;
  if (!forward) announced_ -= size;
  table_->fetcher_.PrefetchRange(announced_, size);
  if (forward) announced_ += size;
  read_ahead_ = std::min(2 * read_ahead_, kLargestReadAhead);
}

}  // namespace lsm
