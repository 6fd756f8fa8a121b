// Scan: the user's view of a range at one moment: visible rows only, in both directions.
//
// It merges memtables and runs (a loser tree), shows the newest version of each key that its
// sequence number may see, and hides what deletions and range tombstones cover.
//
// Contract, as lsm.h promises it:
// 1. OK: the scan stands on a row. kEnd: it stands on none; that stays until a seek. Anything else
//    is a failure, which stays until a seek.
// 2. Seeks outside the bounds clamp to them.
// 3. Next, Prev and NextN before the first seek are kInvalidArgument.
// 4. key() and value() hold until the next call; they are empty off a row.
// 5. One thread at a time.

#ifndef LSM_DB_SCAN_H_
#define LSM_DB_SCAN_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/base/entry.h"
#include "lsm/base/epoch.h"
#include "lsm/base/status.h"
#include "lsm/iterator/iterator.h"
#include "lsm/iterator/range_tombstones.h"

namespace lsm {

class Scan {
 public:
  struct Row {
    const void* key;
    size_t key_size;
    const void* value;
    size_t value_size;
  };

  // `entries` yields all versions of all keys, `tombstones` are those of all its sources, and
  // `owner` keeps both and the bounds readable.
  Scan(RefPtr<const RefCounted> owner, std::unique_ptr<EntryIterator> entries,
       FragmentedRangeTombstones tombstones, SequenceNumber sequence, std::string_view lower,
       std::string_view upper);

  Status SeekFirst();
  Status SeekLast();
  Status Seek(std::string_view key);
  Status SeekForPrev(std::string_view key);
  Status Next();
  Status Prev();
  // Gives up to rows.size() rows, starting with the current one, and stands on the first row not
  // given. The rows hold until the next call. kEnd with *count rows where the range is exhausted
  // before rows.size() were given. Rows before a failure come with OK, however few; the next call
  // tells of it. REQUIRES: rows is not empty.
  Status NextN(std::span<Row> rows, size_t* count);

  // Off a row: data() is null.
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

 private:
  enum class Place : uint8_t { kUnpositioned, kOnRow, kEnd, kFailed };
  enum class Direction : uint8_t { kForward, kBackward };

  // What a move answers where the scan stands on no row.
  Status OffRow() const;
  Status SettleForward();
  Status SettleBackward();
  Status ShowRow(std::string_view key, std::string_view value);
  Status LeaveRange();
  Status FailedOrEnd();
  bool Hidden(const Entry& entry);
  void SkipKeyForward(std::string_view key);
  void TurnForward();
  // Lets go of blocks that nothing shown still needs.
  void DropPins();

  const RefPtr<const RefCounted> owner_;
  // Outlives entries_, which hands blocks to it.
  PinList pins_;
  const std::unique_ptr<EntryIterator> entries_;
  const FragmentedRangeTombstones tombstones_;
  RangeTombstoneCursor cursor_;
  const SequenceNumber sequence_;
  const std::string_view lower_;
  const std::string_view upper_;

  Place place_ = Place::kUnpositioned;
  // Forward, entries_ stands on the row shown; backward, before all entries of its key.
  Direction direction_ = Direction::kForward;
  Status failure_;
  std::string_view key_;
  std::string_view value_;
  // The rows that a NextN under way has given, and copies of them where pinning grew too costly.
  std::span<Row> given_;
  std::deque<std::string> copies_;
};

}  // namespace lsm

#endif  // LSM_DB_SCAN_H_
