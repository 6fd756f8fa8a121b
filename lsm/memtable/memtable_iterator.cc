#include "lsm/memtable/memtable_iterator.h"

#include <algorithm>

#include "lsm/base/check.h"

namespace lsm {

void MemTableIterator::SeekFirst() {
  cursor_.SeekFirst();
  TakeNewest();
}

void MemTableIterator::SeekLast() {
  cursor_.SeekLast();
  TakeOldest();
}

void MemTableIterator::Seek(std::string_view key) {
  cursor_.Seek(key);
  TakeNewest();
}

void MemTableIterator::SeekForPrev(std::string_view key) {
  cursor_.SeekForPrev(key);
  TakeOldest();
}

void MemTableIterator::Next() {
  LSM_DCHECK(valid_);
  const RadixTree::Version* older = tree_->OlderThan(*version_);
  if (older != nullptr) {
    ++position_;
    return Take(older);
  }
  cursor_.Next();
  TakeNewest();
}

void MemTableIterator::Prev() {
  LSM_DCHECK(valid_);
  if (history_.empty()) {
    CollectHistory();
    const auto at = std::find(history_.begin(), history_.end(), version_);
    position_ = static_cast<size_t>(at - history_.begin());
  }
  if (position_ > 0) return Take(history_[--position_]);
  cursor_.Prev();
  TakeOldest();
}

void MemTableIterator::SetPinList(PinList* pins) {
  if (pins != nullptr) pins->push_back(table_);
}

void MemTableIterator::TakeNewest() {
  history_.clear();
  valid_ = cursor_.leaf() != nullptr;
  if (!valid_) return;
  entry_.key = cursor_.leaf()->key();
  Take(tree_->NewestOf(*cursor_.leaf()));
}

void MemTableIterator::TakeOldest() {
  history_.clear();
  valid_ = cursor_.leaf() != nullptr;
  if (!valid_) return;
  entry_.key = cursor_.leaf()->key();
  CollectHistory();
  position_ = history_.size() - 1;
  Take(history_.back());
}

void MemTableIterator::Take(const RadixTree::Version* version) {
  version_ = version;
  entry_.sequence = TagSequence(version->tag);
  entry_.kind = TagKind(version->tag);
  entry_.value = version->value();
}

void MemTableIterator::CollectHistory() {
  for (const RadixTree::Version* version = tree_->NewestOf(*cursor_.leaf()); version != nullptr;
       version = tree_->OlderThan(*version)) {
    history_.push_back(version);
  }
}

}  // namespace lsm
