#include "lsm/memtable/radix_cursor.h"

#include "lsm/base/check.h"
#include "lsm/base/sync.h"

namespace lsm {

using internal::IsNode;

void RadixCursor::SeekFirst() {
  Clear();
  const NodeRef root = tree_->root();
  if (root != 0) TakeFirst(root);
}

void RadixCursor::SeekLast() {
  Clear();
  const NodeRef root = tree_->root();
  if (root != 0) TakeLast(root);
}

void RadixCursor::Seek(std::string_view key) {
  const Place place = Descend(key);
  if (place.ref != 0 && place.order <= 0) {
    TakeFirst(place.ref);
  } else {
    TakeNext();
  }
}

void RadixCursor::SeekForPrev(std::string_view key) {
  const Place place = Descend(key);
  if (place.ref != 0 && place.order >= 0) {
    TakeLast(place.ref);
  } else {
    TakePrev();
  }
}

void RadixCursor::Next() {
  LSM_DCHECK(leaf_ != nullptr);
  TakeNext();
}

void RadixCursor::Prev() {
  LSM_DCHECK(leaf_ != nullptr);
  TakePrev();
}

// Goes down as a lookup does, then compares with one leaf to learn whether the compressed paths
// were the key's; where they were not, goes back up to the first one that was not.
RadixCursor::Place RadixCursor::Descend(std::string_view key) {
  Clear();
  NodeRef ref = tree_->root();
  const Node* skipped = nullptr;
  uint64_t path = 0;
  while (IsNode(ref)) {
    SchedulePoint();
    const Node* node = tree_->NodeAt(ref);
    const uint64_t depth = node->depth();
    if (depth > path) skipped = node;
    NodeRef child = 0;
    int byte = kTerminal;
    if (key.size() > depth) {
      byte = static_cast<uint8_t>(key[depth]);
      child = node->FindChild(static_cast<uint8_t>(byte));
    } else if (key.size() == depth) {
      child = node->terminal();
    }
    frames_.push_back({ref, byte});
    ref = child;
    path = depth + 1;
  }
  if (ref == 0 && skipped == nullptr) return {0, 0};

  const std::string_view nearest = tree_->LeafAt(ref != 0 ? ref : skipped->witness())->key();
  const size_t shared = SharedPrefixSize(key, nearest);
  if (ref == 0 && shared >= skipped->depth()) return {0, 0};
  while (!frames_.empty() && tree_->NodeAt(frames_.back().node)->depth() > shared) {
    ref = frames_.back().node;
    frames_.pop_back();
  }
  return {ref, key.compare(nearest)};
}

// Leaves lie in order of arrival, so each would be a cache miss. What is below the next sibling is
// asked for while the walk is busy below this child; the sibling itself was asked for in the same
// way, one level up, or, in a kNode256, some children ago.
void RadixCursor::PrefetchAfter(const Node* node, int byte) const {
  const NodeRef next = node->FirstFrom(byte + 1).ref;
  if (IsNode(next) && tree_->NodeAt(next)->type() != Node::kNode256) {
    tree_->NodeAt(next)->VisitChildren([this](NodeRef child) { tree_->Prefetch(child); });
  }
  if (node->type() == Node::kNode256) {
    const NodeRef later = node->FirstFrom(byte + 4).ref;
    if (later != 0) tree_->Prefetch(later);
  }
}

void RadixCursor::TakeFirst(NodeRef ref) {
  while (IsNode(ref)) {
    SchedulePoint();
    const Node* node = tree_->NodeAt(ref);
    Node::Child child{kTerminal, node->terminal()};
    if (child.ref == 0) child = node->FirstFrom(0);
    frames_.push_back({ref, child.byte});
    ref = child.ref;
  }
  leaf_ = tree_->LeafAt(ref);
}

void RadixCursor::TakeLast(NodeRef ref) {
  while (IsNode(ref)) {
    SchedulePoint();
    const Node::Child child = tree_->NodeAt(ref)->LastTo(255);
    frames_.push_back({ref, child.byte});
    ref = child.ref;
  }
  leaf_ = tree_->LeafAt(ref);
}

void RadixCursor::TakeNext() {
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    const Node* node = tree_->NodeAt(frame.node);
    const Node::Child child = node->FirstFrom(frame.byte + 1);
    if (child.ref != 0) {
      frame.byte = child.byte;
      if (IsNode(child.ref) || node->type() == Node::kNode256) PrefetchAfter(node, child.byte);
      return TakeFirst(child.ref);
    }
    frames_.pop_back();
  }
  leaf_ = nullptr;
}

void RadixCursor::TakePrev() {
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (frame.byte != kTerminal) {
      const Node* node = tree_->NodeAt(frame.node);
      Node::Child child = node->LastTo(frame.byte - 1);
      if (child.ref == 0) child = {kTerminal, node->terminal()};
      if (child.ref != 0) {
        frame.byte = child.byte;
        return TakeLast(child.ref);
      }
    }
    frames_.pop_back();
  }
  leaf_ = nullptr;
}

}  // namespace lsm
