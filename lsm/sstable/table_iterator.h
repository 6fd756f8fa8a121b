// TableIterator: walks a table's blocks both ways. Entries point into the block: into the mapping,
// or into memory the iterator owns a share of.

#ifndef LSM_SSTABLE_TABLE_ITERATOR_H_
#define LSM_SSTABLE_TABLE_ITERATOR_H_

#include <cstdint>
#include <string_view>

#include "lsm/base/epoch.h"
#include "lsm/iterator/iterator.h"
#include "lsm/sstable/block.h"
#include "lsm/sstable/table.h"

namespace lsm {

class TableIterator final : public EntryIterator {
 public:
  TableIterator(RefPtr<const Table> table, Table::ScanKind kind);

  void SeekFirst() override;
  void SeekLast() override;
  void Seek(std::string_view key) override;
  void SeekForPrev(std::string_view key) override;
  void Next() override {
    if (row_ + 1 < rows_.row_count()) [[likely]] {
      StandOn(row_ + 1);
    } else {
      EnterNextBlock();
    }
  }
  void Prev() override {
    if (row_ > 0) [[likely]] {
      StandOn(row_ - 1);
    } else {
      EnterPrevBlock();
    }
  }
  void SetPinList(PinList* pins) override;

 private:
  static constexpr uint64_t kNoBlock = UINT64_MAX;

  uint64_t block_count() const { return table_->index_.block_count(); }
  void StartSeek();
  void StandOn(uint32_t row) {
    row_ = row;
    rows_.Load(row, &entry_);
    valid_ = true;
  }
  // Makes `block` the current one; false: that failed, and the iterator with it.
  bool EnterBlock(uint64_t block);
  // Gives the current block to the pin list, or up.
  void LeaveBlock();
  // The first row of the block behind, the last row of the block before; on none past the ends.
  void EnterNextBlock();
  void EnterPrevBlock();
  void ReadAhead(bool forward);

  const RefPtr<const Table> table_;
  const Table::ScanKind kind_;
  PinList* pins_ = nullptr;

  uint64_t block_ = kNoBlock;
  uint32_t row_ = 0;
  BlockReader rows_;
  RefPtr<const MemoryBlock> memory_;  // of the current block; null: in the mapping

  // Since the last seek.
  uint32_t blocks_entered_ = 0;
  // What was announced of the file in the direction of the scan: up to here.
  uint64_t announced_ = 0;
  uint64_t read_ahead_ = 0;  // the size of the next piece
};

}  // namespace lsm

#endif  // LSM_SSTABLE_TABLE_ITERATOR_H_
