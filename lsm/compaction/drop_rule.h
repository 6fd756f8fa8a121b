// The drop rule decides which entries and range tombstones a compaction keeps. Pure.
//
// Snapshots cut the sequence numbers into stripes: two versions of a key in one stripe look the
// same to every snapshot and to every reader of now, so only the newest of a stripe is kept.
//
// 1. A version is dropped where a newer version of its key, or a range tombstone over its key, is
//    in the same stripe.
// 2. A deletion or range tombstone is dropped where nothing below the output can hold what it
//    deletes (`bottom`) and it is in the oldest stripe, so that no older version that a snapshot
//    still needs comes back to life.
// 3. A put that every reader sees and nothing lies below (`bottom`, oldest stripe) gets sequence 0.

#ifndef LSM_COMPACTION_DROP_RULE_H_
#define LSM_COMPACTION_DROP_RULE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lsm/base/entry.h"
#include "lsm/iterator/range_tombstones.h"

namespace lsm {

class DropRule {
 public:
  // `snapshots` ascending. The tombstones are all those of the inputs, and outlive the rule.
  DropRule(std::vector<SequenceNumber> snapshots, bool bottom,
           const FragmentedRangeTombstones* tombstones);

  // Whether the entry is kept, and with which sequence number. REQUIRES: entries come in their
  // order.
  bool Keep(const Entry& entry, SequenceNumber* sequence);

  // The sequences of the tombstones over `fragment` that are kept, newest first.
  std::vector<SequenceNumber> KeepTombstones(
      const FragmentedRangeTombstones::Fragment& fragment) const;

 private:
  // The number of snapshots that do not see `sequence`: equal for two exactly when they share a
  // stripe.
  size_t StripeOf(SequenceNumber sequence) const;
  bool CoveredInStripe(const Entry& entry, size_t stripe);

  const std::vector<SequenceNumber> snapshots_;
  const bool bottom_;
  const FragmentedRangeTombstones* const tombstones_;
  RangeTombstoneCursor latest_cover_;
  bool has_last_ = false;
  std::string last_key_;
  size_t last_stripe_ = 0;
};

}  // namespace lsm

#endif  // LSM_COMPACTION_DROP_RULE_H_
