#include "lsm/iterator/range_tombstones.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "lsm/base/check.h"
#include "lsm/base/write_batch.h"

namespace lsm {

namespace {

struct Bound {
  std::string_view key;
  uint32_t tombstone;
  bool is_end;
};

// The fragments [first, last) that a tombstone covers.
struct FragmentRange {
  uint32_t first = 0;
  uint32_t last = 0;
};

// Calls `visit(node)` for the fewest nodes of a tree of `leaves` leaves that make up `range`.
template <typename Visitor>
void VisitNodes(FragmentRange range, size_t leaves, Visitor visit) {
  size_t first = range.first + leaves;
  size_t last = range.last + leaves;
  for (; first < last; first /= 2, last /= 2) {
    if (first % 2 == 1) visit(first++);
    if (last % 2 == 1) visit(--last);
  }
}

// Sweeps over the sorted bounds, cutting a fragment wherever one stands, and says for each
// tombstone which fragments are its.
std::vector<FragmentRange> CutFragments(
    std::span<const RangeTombstone> tombstones,
    std::vector<FragmentedRangeTombstones::Fragment>* fragments) {
  std::vector<Bound> bounds;
  bounds.reserve(2 * tombstones.size());
  for (uint32_t i = 0; i < tombstones.size(); ++i) {
    LSM_DCHECK(tombstones[i].begin < tombstones[i].end && tombstones[i].sequence > 0);
    bounds.push_back({tombstones[i].begin, i, false});
    bounds.push_back({tombstones[i].end, i, true});
  }
  std::sort(bounds.begin(), bounds.end(),
            [](const Bound& a, const Bound& b) { return a.key < b.key; });

  std::vector<FragmentRange> ranges(tombstones.size());
  size_t open = 0;  // tombstones that cover what lies behind the bound
  for (size_t i = 0; i < bounds.size();) {
    const std::string_view key = bounds[i].key;
    if (open > 0) fragments->back().end = key;
    const auto next_fragment = static_cast<uint32_t>(fragments->size());
    for (; i < bounds.size() && bounds[i].key == key; ++i) {
      FragmentRange& range = ranges[bounds[i].tombstone];
      (bounds[i].is_end ? range.last : range.first) = next_fragment;
      bounds[i].is_end ? --open : ++open;
    }
    if (open > 0) fragments->push_back({.begin = key, .end = key, .newest = 0});
  }
  return ranges;
}

}  // namespace

FragmentedRangeTombstones::FragmentedRangeTombstones(std::span<const RangeTombstone> tombstones) {
  const std::vector<FragmentRange> ranges = CutFragments(tombstones, &fragments_);
  const size_t leaves = fragments_.size();
  if (leaves == 0) return;

  std::vector<uint32_t> newest_first(tombstones.size());
  std::iota(newest_first.begin(), newest_first.end(), 0);
  std::sort(newest_first.begin(), newest_first.end(), [&](uint32_t a, uint32_t b) {
    return tombstones[a].sequence > tombstones[b].sequence;
  });

  // node_begin_[x + 1] counts what node x holds, then becomes where node x is to be filled next,
  // and so in the end where it ends.
  node_begin_.assign(2 * leaves + 1, 0);
  for (const FragmentRange& range : ranges) {
    VisitNodes(range, leaves, [&](size_t node) { ++node_begin_[node + 1]; });
  }
  uint64_t total = 0;
  for (uint64_t& count : node_begin_) total += std::exchange(count, total);
  sequences_.resize(total);
  for (const uint32_t i : newest_first) {
    VisitNodes(ranges[i], leaves,
               [&](size_t node) { sequences_[node_begin_[node + 1]++] = tombstones[i].sequence; });
  }

  std::vector<SequenceNumber> newest(2 * leaves, 0);
  for (size_t node = 1; node < 2 * leaves; ++node) {
    newest[node] = newest[node / 2];
    if (node_begin_[node] < node_begin_[node + 1]) {
      newest[node] = std::max(newest[node], sequences_[node_begin_[node]]);
    }
  }
  for (size_t i = 0; i < leaves; ++i) fragments_[i].newest = newest[leaves + i];
}

size_t FragmentedRangeTombstones::FirstEndingAfter(std::string_view key) const {
  const auto found = std::upper_bound(
      fragments_.begin(), fragments_.end(), key,
      [](std::string_view k, const Fragment& fragment) { return k < fragment.end; });
  return static_cast<size_t>(found - fragments_.begin());
}

const FragmentedRangeTombstones::Fragment* FragmentedRangeTombstones::Find(
    std::string_view key) const {
  const size_t i = FirstEndingAfter(key);
  return i < fragments_.size() && fragments_[i].begin <= key ? &fragments_[i] : nullptr;
}

SequenceNumber FragmentedRangeTombstones::CoveringSequence(std::string_view key,
                                                           SequenceNumber snapshot) const {
  const Fragment* fragment = Find(key);
  return fragment == nullptr ? 0 : CoveringSequence(*fragment, snapshot);
}

SequenceNumber FragmentedRangeTombstones::OlderSequence(const Fragment& fragment,
                                                        SequenceNumber snapshot) const {
  SequenceNumber newest = 0;
  const size_t leaf = static_cast<size_t>(&fragment - fragments_.data()) + fragments_.size();
  for (size_t node = leaf; node > 0; node /= 2) {
    const auto begin = sequences_.begin() + static_cast<ptrdiff_t>(node_begin_[node]);
    const auto end = sequences_.begin() + static_cast<ptrdiff_t>(node_begin_[node + 1]);
    const auto visible = std::lower_bound(begin, end, snapshot, std::greater<SequenceNumber>());
    if (visible != end) newest = std::max(newest, *visible);
  }
  return newest;
}

void RangeTombstoneCursor::Move(std::string_view key) {
  const std::span<const FragmentedRangeTombstones::Fragment> fragments = tombstones_->fragments();
  const size_t i = tombstones_->FirstEndingAfter(key);
  if (i < fragments.size() && fragments[i].begin <= key) {
    gap_begin_ = fragments[i].begin;
    gap_end_ = fragments[i].end;
    covering_ = tombstones_->CoveringSequence(fragments[i], snapshot_);
    return;
  }
  gap_begin_ = i == 0 ? std::string_view() : fragments[i - 1].end;
  gap_end_ = i == fragments.size() ? InfiniteKey() : fragments[i].begin;
  covering_ = 0;
}

}  // namespace lsm
