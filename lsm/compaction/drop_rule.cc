#include "lsm/compaction/drop_rule.h"

#include <algorithm>
#include <utility>

#include "lsm/base/limits.h"

namespace lsm {

DropRule::DropRule(std::vector<SequenceNumber> snapshots, bool bottom,
                   const FragmentedRangeTombstones* tombstones)
    : snapshots_(std::move(snapshots)),
      bottom_(bottom),
      tombstones_(tombstones),
      latest_cover_(tombstones, kMaxSequence) {}

size_t DropRule::StripeOf(SequenceNumber sequence) const {
  if (snapshots_.empty()) [[likely]]
    return 0;
  return static_cast<size_t>(std::lower_bound(snapshots_.begin(), snapshots_.end(), sequence) -
                             snapshots_.begin());
}

bool DropRule::CoveredInStripe(const Entry& entry, size_t stripe) {
  if (tombstones_->empty()) [[likely]]
    return false;
  // Nothing newer covers the key: no need to look stripe by stripe.
  if (latest_cover_.CoveringSequence(entry.key) <= entry.sequence) return false;
  const SequenceNumber stripe_end = stripe < snapshots_.size() ? snapshots_[stripe] : kMaxSequence;
  return tombstones_->CoveringSequence(entry.key, stripe_end) > entry.sequence;
}

bool DropRule::Keep(const Entry& entry, SequenceNumber* sequence) {
  const size_t stripe = StripeOf(entry.sequence);
  const bool same_key = has_last_ && entry.key == last_key_;
  if (same_key && stripe == last_stripe_) return false;
  if (!same_key) {
    last_key_ = entry.key;
    has_last_ = true;
  }
  last_stripe_ = stripe;
  if (CoveredInStripe(entry, stripe)) return false;
  const bool settled = bottom_ && stripe == 0;
  if (settled && entry.kind == EntryKind::kDelete) return false;
  *sequence = settled ? 0 : entry.sequence;
  return true;
}

std::vector<SequenceNumber> DropRule::KeepTombstones(
    const FragmentedRangeTombstones::Fragment& fragment) const {
  std::vector<SequenceNumber> kept;
  // The newest of each stripe, from the newest stripe to the oldest.
  SequenceNumber sequence = tombstones_->CoveringSequence(fragment, kMaxSequence);
  while (sequence != 0) {
    const size_t stripe = StripeOf(sequence);
    if (!(bottom_ && stripe == 0)) kept.push_back(sequence);
    if (stripe == 0) break;
    sequence = tombstones_->CoveringSequence(fragment, snapshots_[stripe - 1]);
  }
  return kept;
}

}  // namespace lsm
