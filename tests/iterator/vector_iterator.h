// An iterator over rows in memory, which can be made to fail at one of them.

#ifndef LSM_TESTS_ITERATOR_VECTOR_ITERATOR_H_
#define LSM_TESTS_ITERATOR_VECTOR_ITERATOR_H_

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lsm/iterator/iterator.h"

namespace lsm {

struct MemRow {
  std::string key;
  SequenceNumber sequence = 0;
  EntryKind kind = EntryKind::kPut;
  std::string value;

  friend bool operator==(const MemRow&, const MemRow&) = default;
};

inline Entry EntryOf(const MemRow& row) { return {row.key, row.sequence, row.kind, row.value}; }
inline MemRow RowOf(const Entry& entry) {
  return {std::string(entry.key), entry.sequence, entry.kind, std::string(entry.value)};
}
inline bool StandsBefore(const MemRow& a, const MemRow& b) {
  return CompareEntries(EntryOf(a), EntryOf(b)) < 0;
}

class VectorIterator final : public EntryIterator {
 public:
  static constexpr size_t kNowhere = SIZE_MAX;

  // `rows` are in order. Standing on row `fail_at` fails with kIoError.
  explicit VectorIterator(std::vector<MemRow> rows, size_t fail_at = kNowhere)
      : rows_(std::move(rows)), fail_at_(fail_at) {}

  void SeekFirst() override { Show(0); }
  void SeekLast() override { Show(rows_.size() - 1); }
  void Seek(std::string_view key) override {
    Show(IndexOf([&](const MemRow& row) { return row.key < key; }));
  }
  void SeekForPrev(std::string_view key) override {
    Show(IndexOf([&](const MemRow& row) { return row.key <= key; }) - 1);
  }
  void Next() override { Show(index_ + 1); }
  void Prev() override { Show(index_ - 1); }
  void SetPinList(PinList* pins) override { pins_ = pins; }

  PinList* pins() const { return pins_; }

 private:
  template <typename Predicate>
  size_t IndexOf(Predicate before) const {
    return static_cast<size_t>(std::partition_point(rows_.begin(), rows_.end(), before) -
                               rows_.begin());
  }
  // Off either end (also by wrapping below 0): on none.
  void Show(size_t index) {
    status_ = Status::Ok();
    index_ = index;
    if (index >= rows_.size()) return Invalidate();
    if (index == fail_at_) return Fail(Status(Code::kIoError, "this row cannot be read"));
    valid_ = true;
    entry_ = EntryOf(rows_[index]);
  }

  const std::vector<MemRow> rows_;
  const size_t fail_at_;
  size_t index_ = 0;
  PinList* pins_ = nullptr;
};

}  // namespace lsm

#endif  // LSM_TESTS_ITERATOR_VECTOR_ITERATOR_H_
