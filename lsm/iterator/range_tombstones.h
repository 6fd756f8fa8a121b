// Range tombstones: "everything in [begin, end) older than `sequence` is deleted".
//
// A source (memtable, table) holds them as they were written, overlapping as they may. For lookups
// they are cut into fragments: disjoint, ascending ranges, each covered by one set of tombstones.
// Keys are views into memory that the owner of the list keeps alive.
//
// An entry is hidden from a reader at snapshot S exactly when a tombstone covers its key with
// entry.sequence < tombstone.sequence <= S.
//
// A fragment does not list the sequence numbers that cover it: n nested ranges (a queue that
// deletes [0, i) for ever larger i) would make n^2 of them. Each fragment knows its newest one,
// which is what nearly all readers want; for older snapshots the sequence numbers hang in a segment
// tree over the fragments (Bentley, "Algorithms for Klee's rectangle problems", 1977), a tombstone
// at no more than 2 log2(fragments) nodes.

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
    SequenceNumber newest;  // of the tombstones that cover it
  };

  FragmentedRangeTombstones() = default;
  // Any order, overlaps allowed, fewer than 2^31. Time and memory: O(n log n) in tombstones,
  // whatever their overlaps.
  explicit FragmentedRangeTombstones(std::span<const RangeTombstone> tombstones);

  bool empty() const { return fragments_.empty(); }
  std::span<const Fragment> fragments() const { return fragments_; }

  // The newest sequence <= snapshot of a tombstone that covers `key`; 0 where there is none (no
  // tombstone has sequence 0). O(log n) where the fragment's newest is visible, else O(log^2 n).
  SequenceNumber CoveringSequence(std::string_view key, SequenceNumber snapshot) const;
  // The same for all keys of `fragment`. REQUIRES: it is one of fragments().
  SequenceNumber CoveringSequence(const Fragment& fragment, SequenceNumber snapshot) const {
    return fragment.newest <= snapshot ? fragment.newest : OlderSequence(fragment, snapshot);
  }
  // The fragment that holds `key`, or null.
  const Fragment* Find(std::string_view key) const;

 private:
  friend class RangeTombstoneCursor;

  // The first fragment that ends after `key`; fragments_.size() where there is none.
  size_t FirstEndingAfter(std::string_view key) const;
  SequenceNumber OlderSequence(const Fragment& fragment, SequenceNumber snapshot) const;

  std::vector<Fragment> fragments_;
  // Fragment i is the leaf i + fragments_.size() of the tree; the parent of node x is x / 2, the
  // root 1. Node x holds sequences_[node_begin_[x], node_begin_[x + 1]), newest first.
  std::vector<uint64_t> node_begin_;
  std::vector<SequenceNumber> sequences_;
};

// A cursor over the tombstones of one snapshot that is asked for keys near each other, as a scan
// does: each answer costs O(1) while the key stays in the fragment or gap of the last one.
class RangeTombstoneCursor {
 public:
  RangeTombstoneCursor(const FragmentedRangeTombstones* tombstones, SequenceNumber snapshot)
      : tombstones_(tombstones), snapshot_(snapshot) {}

  // As FragmentedRangeTombstones::CoveringSequence.
  SequenceNumber CoveringSequence(std::string_view key) {
    if (key < gap_begin_ || key >= gap_end_) Move(key);
    return covering_;
  }
  // The bounds of the fragment that covered the last key asked for. REQUIRES: the answer was not 0.
  std::string_view fragment_begin() const { return gap_begin_; }
  std::string_view fragment_end() const { return gap_end_; }

 private:
  void Move(std::string_view key);

  const FragmentedRangeTombstones* tombstones_;
  SequenceNumber snapshot_;
  // The last answer, and the range [gap_begin_, gap_end_) of keys for which it holds.
  SequenceNumber covering_ = 0;
  std::string_view gap_begin_;
  std::string_view gap_end_;
};

}  // namespace lsm

#endif  // LSM_ITERATOR_RANGE_TOMBSTONES_H_
