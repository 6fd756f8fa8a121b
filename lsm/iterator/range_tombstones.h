// Range tombstones: "everything in [begin, end) older than `sequence` is deleted".
//
// A source (memtable, table) holds them as they were written, overlapping as they may. For lookups they
// are cut into fragments: disjoint, ascending ranges, each with the sequence numbers that cover it,
// newest first. Keys are views into memory that the owner of the list keeps alive.
//
// An entry is hidden from a reader at snapshot S exactly when a tombstone covers its key with
// entry.sequence < tombstone.sequence <= S.

#ifndef LSM_ITERATOR_RANGE_TOMBSTONES_H_
#define LSM_ITERATOR_RANGE_TOMBSTONES_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lsm/base/entry.h"

namespace lsm {

struct RangeTombstone {
  std::string_view begin;
  std::string_view end;  // exclusive, > begin; may be InfiniteKey()
  SequenceNumber sequence = 0;
};

class FragmentedRangeTombstones {
 public:
  struct Fragment {
    std::string_view begin;
    std::string_view end;
    // sequences()[first_sequence, last_sequence), newest first, no two alike.
    uint32_t first_sequence;
    uint32_t last_sequence;
  };

  FragmentedRangeTombstones() = default;
  // Any order, overlaps allowed. Cost: O(n log n) in tombstones plus the fragments' sequences.
  explicit FragmentedRangeTombstones(std::span<const RangeTombstone> tombstones);

  bool empty() const { return fragments_.empty(); }
  std::span<const Fragment> fragments() const { return fragments_; }
  std::span<const SequenceNumber> sequences(const Fragment& fragment) const {
    return std::span(sequences_).subspan(fragment.first_sequence,
                                         fragment.last_sequence - fragment.first_sequence);
  }

  // The newest sequence <= snapshot of a tombstone that covers `key`; 0 where there is none (no
  // tombstone has sequence 0).
  SequenceNumber CoveringSequence(std::string_view key, SequenceNumber snapshot) const;
  // The fragment that holds `key`, or null.
  const Fragment* Find(std::string_view key) const;

 private:
  std::vector<Fragment> fragments_;
  std::vector<SequenceNumber> sequences_;
};

// A cursor over the tombstones of one snapshot that is asked for keys near each other, as a scan does:
// each answer costs O(1) while the key stays in the fragment or gap of the last one.
class RangeTombstoneCursor {
 public:
  RangeTombstoneCursor(const FragmentedRangeTombstones* tombstones, SequenceNumber snapshot)
      : tombstones_(tombstones), snapshot_(snapshot) {}

  // As FragmentedRangeTombstones::CoveringSequence.
  SequenceNumber CoveringSequence(std::string_view key);
  // The bounds of the fragment that covered the last key asked for. REQUIRES: the answer was not 0.
  std::string_view fragment_begin() const { return gap_begin_; }
  std::string_view fragment_end() const { return gap_end_; }

 private:
  const FragmentedRangeTombstones* tombstones_;
  SequenceNumber snapshot_;
  // The last answer, and the range [gap_begin_, gap_end_) of keys for which it holds.
  SequenceNumber covering_ = 0;
  std::string_view gap_begin_;
  std::string_view gap_end_;
};

}  // namespace lsm

#endif  // LSM_ITERATOR_RANGE_TOMBSTONES_H_
