#include "lsm/db/scan.h"

#include <algorithm>
#include <utility>

#include "lsm/base/write_batch.h"

namespace lsm {
namespace {

// Blocks a NextN may pin before it copies its rows instead: crossing a wide stretch of deleted rows
// must not hold the whole stretch in memory.
constexpr size_t kMaxPins = 4096;

}  // namespace

Scan::Scan(RefPtr<const RefCounted> owner, std::unique_ptr<EntryIterator> entries,
           FragmentedRangeTombstones tombstones, SequenceNumber sequence, std::string_view lower,
           std::string_view upper)
    : owner_(std::move(owner)),
      entries_(std::move(entries)),
      tombstones_(std::move(tombstones)),
      cursor_(&tombstones_, sequence),
      sequence_(sequence),
      lower_(lower),
      upper_(upper) {
  // Keys are compared with that of the row just left, so its block must outlast the step.
  entries_->SetPinList(&pins_);
}

Status Scan::OffRow() const {
  switch (place_) {
    case Place::kUnpositioned:
      return Status::InvalidArgument("the iterator was not positioned; seek first");
    case Place::kEnd:
      return Status::End();
    default:
      return failure_;
  }
}

Status Scan::ShowRow(std::string_view key, std::string_view value) {
  key_ = key;
  value_ = value;
  place_ = Place::kOnRow;
  return Status::Ok();
}

Status Scan::LeaveRange() {
  place_ = Place::kEnd;
  key_ = std::string_view();
  value_ = std::string_view();
  return Status::End();
}

Status Scan::FailedOrEnd() {
  (void)LeaveRange();
  if (entries_->status().ok()) return Status::End();
  place_ = Place::kFailed;
  failure_ = entries_->status();
  return failure_;
}

void Scan::DropPins() {
  if (pins_.empty()) return;
  if (!given_.empty()) {
    if (pins_.size() < kMaxPins) return;
    for (Row& row : given_) {
      std::string& copy = copies_.emplace_back();
      copy.reserve(row.key_size + row.value_size);
      copy.append(static_cast<const char*>(row.key), row.key_size);
      copy.append(static_cast<const char*>(row.value), row.value_size);
      row.key = copy.data();
      row.value = copy.data() + row.key_size;
    }
    given_ = given_.subspan(given_.size());
  }
  pins_.clear();
}

bool Scan::Hidden(const Entry& entry) {
  if (entry.kind == EntryKind::kDelete) return true;
  return !tombstones_.empty() && cursor_.CoveringSequence(entry.key) > entry.sequence;
}

// Steps over the entries of `key` from the one that entries_ stands on.
void Scan::SkipKeyForward(std::string_view key) {
  do {
    entries_->Next();
  } while (entries_->valid() && entries_->entry().key == key);
}

// Finds the first visible row at or behind the entry that entries_ stands on, the newest of its
// key.
Status Scan::SettleForward() {
  direction_ = Direction::kForward;
  while (entries_->valid()) {
    const Entry& entry = entries_->entry();
    if (entry.key >= upper_) return LeaveRange();
    if (entry.sequence > sequence_) {
      // Newer than this view; the next entry may be an older version of the key.
      entries_->Next();
    } else if (Hidden(entry)) {
      SkipKeyForward(entry.key);
    } else {
      return ShowRow(entry.key, entry.value);
    }
    DropPins();
  }
  return FailedOrEnd();
}

// Finds the last visible row at or before the entry that entries_ stands on, the oldest of its key,
// and leaves entries_ before all entries of the row's key.
Status Scan::SettleBackward() {
  direction_ = Direction::kBackward;
  while (entries_->valid()) {
    const std::string_view key = entries_->entry().key;
    if (key < lower_) return LeaveRange();
    // Versions come oldest first: the last one that the view sees counts.
    bool visible = false;
    std::string_view value;
    do {
      const Entry& entry = entries_->entry();
      if (entry.sequence <= sequence_) {
        visible = !Hidden(entry);
        value = entry.value;
      }
      entries_->Prev();
    } while (entries_->valid() && entries_->entry().key == key);
    if (!entries_->valid() && !entries_->status().ok()) return FailedOrEnd();
    if (visible) return ShowRow(key, value);
    DropPins();
  }
  return FailedOrEnd();
}

Status Scan::SeekFirst() { return Seek(lower_); }

Status Scan::Seek(std::string_view key) {
  const std::string_view target = std::max(key, lower_);
  if (target.empty()) {
    entries_->SeekFirst();
  } else {
    entries_->Seek(target);
  }
  DropPins();
  return SettleForward();
}

Status Scan::SeekLast() {
  if (IsInfiniteKey(upper_)) {
    entries_->SeekLast();
  } else {
    entries_->Seek(upper_);
    if (entries_->valid()) {
      entries_->Prev();
    } else if (entries_->status().ok()) {
      entries_->SeekLast();
    }
  }
  DropPins();
  return SettleBackward();
}

Status Scan::SeekForPrev(std::string_view key) {
  if (key >= upper_) return SeekLast();
  entries_->SeekForPrev(key);
  DropPins();
  return SettleBackward();
}

// From before the entries of the row shown to the entry behind them.
void Scan::TurnForward() {
  if (!entries_->valid()) entries_->Seek(key_);
  while (entries_->valid() && entries_->entry().key <= key_) entries_->Next();
}

Status Scan::Next() {
  if (place_ != Place::kOnRow) [[unlikely]]
    return OffRow();
  if (direction_ == Direction::kForward) [[likely]] {
    // The row stands in the block that entries_ is on, so older pins are free to go.
    DropPins();
    SkipKeyForward(key_);
  } else {
    TurnForward();
    DropPins();
  }
  return SettleForward();
}

Status Scan::Prev() {
  if (place_ != Place::kOnRow) [[unlikely]]
    return OffRow();
  if (direction_ == Direction::kBackward) [[likely]] {
    DropPins();
  } else {
    // Newer versions, which the view does not see, may stand before the row.
    do {
      entries_->Prev();
    } while (entries_->valid() && entries_->entry().key == key_);
    DropPins();
  }
  return SettleBackward();
}

Status Scan::NextN(std::span<Row> rows, size_t* count) {
  *count = 0;
  if (place_ != Place::kOnRow) return OffRow();
  copies_.clear();
  if (direction_ == Direction::kBackward) {
    const std::string key(key_);
    LSM_RETURN_IF_ERROR(Seek(key));
  } else {
    DropPins();
  }
  size_t given = 0;
  size_t copied = 0;
  while (place_ == Place::kOnRow && given < rows.size()) {
    rows[given++] = {key_.data(), key_.size(), value_.data(), value_.size()};
    given_ = rows.subspan(copied, given - copied);
    SkipKeyForward(key_);
    (void)SettleForward();
    if (given_.empty()) copied = given;
  }
  given_ = {};
  *count = given;
  return place_ == Place::kEnd && given < rows.size() ? Status::End() : Status::Ok();
}

}  // namespace lsm
