// MemTableIterator: the entries of a memtable in order (the contract is iterator.h's).
//
// Leaves come from a RadixCursor. Under a leaf, versions are chained from the newest on; the way
// back is a list of them, made when it is first needed, so that Prev costs no more than Next over a
// key with many versions.

#ifndef LSM_MEMTABLE_MEMTABLE_ITERATOR_H_
#define LSM_MEMTABLE_MEMTABLE_ITERATOR_H_

#include <string_view>
#include <vector>

#include "lsm/base/epoch.h"
#include "lsm/iterator/iterator.h"
#include "lsm/memtable/memtable.h"
#include "lsm/memtable/radix_cursor.h"

namespace lsm {

class MemTableIterator final : public EntryIterator {
 public:
  MemTableIterator(RefPtr<const MemTable> table, const RadixTree* tree)
      : table_(std::move(table)), tree_(tree), cursor_(tree) {}

  void SeekFirst() override;
  void SeekLast() override;
  void Seek(std::string_view key) override;
  void SeekForPrev(std::string_view key) override;
  void Next() override;
  void Prev() override;
  // One reference keeps all entries there will be.
  void SetPinList(PinList* pins) override;

 private:
  // Stand on the newest or oldest version of the cursor's leaf, or on none.
  void TakeNewest();
  void TakeOldest();
  void Take(const RadixTree::Version* version);
  // Fills history_ with the versions of the leaf, newest first.
  void CollectHistory();

  const RefPtr<const MemTable> table_;
  const RadixTree* const tree_;
  RadixCursor cursor_;
  const RadixTree::Version* version_ = nullptr;
  // Empty, or all versions of the leaf as they were when it was made; then version_ is at
  // position_.
  std::vector<const RadixTree::Version*> history_;
  size_t position_ = 0;
};

}  // namespace lsm

#endif  // LSM_MEMTABLE_MEMTABLE_ITERATOR_H_
