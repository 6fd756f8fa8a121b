#include "lsm/version/run_iterator.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "lsm/sstable/table_iterator.h"

namespace lsm {
namespace {

class RunIterator final : public EntryIterator {
 public:
  RunIterator(RefPtr<const Run> run, std::string_view begin, std::string_view end,
              Table::ScanKind kind)
      : run_(std::move(run)),
        slices_(run_->Overlapping(begin, end)),
        begin_(begin),
        end_(end),
        kind_(kind) {}

  void SeekFirst() override { SeekForward(begin_); }
  void Seek(std::string_view key) override { SeekForward(std::max(key, begin_)); }

  void SeekLast() override {
    status_ = Status::Ok();
    EnterBackward(slices_.size());
  }

  void SeekForPrev(std::string_view key) override {
    if (key >= end_) return SeekLast();
    status_ = Status::Ok();
    // The last slice that begins at or before the key.
    const auto behind = std::upper_bound(
        slices_.begin(), slices_.end(), key,
        [](std::string_view k, const Slice& slice) { return k < slice.range.begin; });
    const auto count = static_cast<size_t>(behind - slices_.begin());
    if (count == 0) return Invalidate();
    if (key >= slices_[count - 1].range.end) return EnterBackward(count);
    if (!Open(count - 1)) return;
    table_->SeekForPrev(key);
    ShowBackward();
  }

  void Next() override {
    LSM_DCHECK(valid_);
    table_->Next();
    if (table_->valid() && (!clips_end_ || table_->entry().key < upper_)) [[likely]] {
      entry_ = table_->entry();
      return;
    }
    ShowForward();
  }

  void Prev() override {
    LSM_DCHECK(valid_);
    table_->Prev();
    if (table_->valid() && (!clips_begin_ || table_->entry().key >= lower_)) [[likely]] {
      entry_ = table_->entry();
      return;
    }
    ShowBackward();
  }

  void SetPinList(PinList* pins) override {
    pins_ = pins;
    if (table_) table_->SetPinList(pins);
  }

 private:
  static constexpr size_t kNoSlice = SIZE_MAX;

  void SeekForward(std::string_view key) {
    status_ = Status::Ok();
    const auto found = std::partition_point(
        slices_.begin(), slices_.end(), [&](const Slice& slice) { return slice.range.end <= key; });
    if (found == slices_.end()) return Invalidate();
    if (!Open(static_cast<size_t>(found - slices_.begin()))) return;
    table_->Seek(std::max(key, lower_));
    ShowForward();
  }

  // Makes table_ the iterator of slices_[index], and the bounds those of the slice and the scan.
  bool Open(size_t index) {
    if (index_ == index) return true;
    const Slice& slice = slices_[index];
    auto table = slice.file->Share();
    if (!table.ok()) {
      Fail(table.status());
      return false;
    }
    // Hands what the old table's iterator showed to the list.
    if (pins_ != nullptr && table_) table_->SetPinList(nullptr);
    table_.emplace(table.Take(), kind_);
    if (pins_ != nullptr) table_->SetPinList(pins_);
    index_ = index;
    lower_ = std::max<std::string_view>(slice.range.begin, begin_);
    upper_ = std::min<std::string_view>(slice.range.end, end_);
    clips_begin_ = lower_ > slice.file->meta().range.begin;
    clips_end_ = upper_ < slice.file->meta().range.end;
    return true;
  }

  // Shows where table_ stands, or goes on to the slices behind.
  void ShowForward() {
    while (true) {
      if (!table_->valid() && !table_->status().ok()) return Fail(table_->status());
      if (table_->valid() && table_->entry().key < upper_) break;
      if (index_ + 1 == slices_.size()) return Invalidate();
      if (!Open(index_ + 1)) return;
      table_->Seek(lower_);
    }
    valid_ = true;
    entry_ = table_->entry();
  }

  // Stands on the last entry of the first `count` slices.
  void EnterBackward(size_t count) {
    if (count == 0) return Invalidate();
    if (!Open(count - 1)) return;
    SeekBeforeUpper();
    ShowBackward();
  }

  void SeekBeforeUpper() {
    if (!clips_end_) return table_->SeekLast();
    table_->Seek(upper_);
    if (table_->valid()) {
      table_->Prev();
    } else if (table_->status().ok()) {
      table_->SeekLast();
    }
  }

  void ShowBackward() {
    while (true) {
      if (!table_->valid() && !table_->status().ok()) return Fail(table_->status());
      if (table_->valid() && table_->entry().key >= lower_) break;
      if (index_ == 0) return Invalidate();
      if (!Open(index_ - 1)) return;
      SeekBeforeUpper();
    }
    valid_ = true;
    entry_ = table_->entry();
  }

  const RefPtr<const Run> run_;
  const std::span<const Slice> slices_;
  const std::string_view begin_;
  const std::string_view end_;
  const Table::ScanKind kind_;
  PinList* pins_ = nullptr;

  size_t index_ = kNoSlice;
  // In place and of its own type: one allocation less for a short scan, and no virtual call a row.
  std::optional<TableIterator> table_;
  std::string_view lower_;
  std::string_view upper_;
  bool clips_begin_ = false;
  bool clips_end_ = false;
};

}  // namespace

std::unique_ptr<EntryIterator> NewRunIterator(RefPtr<const Run> run, std::string_view begin,
                                              std::string_view end, Table::ScanKind kind) {
  return std::make_unique<RunIterator>(std::move(run), begin, end, kind);
}

}  // namespace lsm
