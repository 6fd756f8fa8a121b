#include "lsm/memtable/radix_tree.h"

#include <array>
#include <new>
#include <utility>

#include "lsm/base/check.h"
#include "lsm/base/sync.h"

namespace lsm {

using internal::IsLeaf;
using internal::IsNode;
using internal::kLeafBit;

namespace {

using Node = internal::Node;

// What each child added to a node of a type pays towards the copy that the node will need, and how
// many children a node of that type may be born with at least (those did not pay).
struct Deposit {
  unsigned per_child;
  unsigned born_with;
};
constexpr Deposit kDeposits[] = {{16, 1}, {22, 5}, {20, 11}, {44, 24}, {0, 49}};

constexpr bool DepositsSuffice() {
  for (int type = Node::kNode4; type < Node::kNode256; ++type) {
    const unsigned paying = Node::kLayouts[type].capacity + 1u - kDeposits[type].born_with;
    if (paying * kDeposits[type].per_child < Node::kLayouts[type + 1].size) return false;
    if (kDeposits[type].per_child > RadixTree::kNodeBytesPerInsert) return false;
  }
  return Node::kLayouts[Node::kNode4].size + kDeposits[Node::kNode4].per_child <=
         RadixTree::kNodeBytesPerInsert;
}
static_assert(DepositsSuffice());

uint8_t ByteAt(std::string_view key, size_t index) { return static_cast<uint8_t>(key[index]); }

}  // namespace

const RadixTree::Version* RadixTree::Find(std::string_view key, SequenceNumber snapshot) const {
  NodeRef ref = root();
  while (IsNode(ref)) {
    SchedulePoint();
    const Node* node = NodeAt(ref);
    const uint64_t depth = node->depth();
    if (key.size() > depth) [[likely]] {
      ref = node->FindChild(ByteAt(key, depth));
    } else if (key.size() == depth) {
      ref = node->terminal();
    } else {
      return nullptr;
    }
  }
  if (ref == 0) return nullptr;
  Prefetch(ref);
  const Leaf* leaf = LeafAt(ref);
  if (leaf->key() != key) return nullptr;
  SchedulePoint();
  const Version* version = NewestOf(*leaf);
  while (version != nullptr && TagSequence(version->tag) > snapshot) version = OlderThan(*version);
  return version;
}

RadixTree::Place RadixTree::Descend(std::string_view key) {
  Place place{&root_, root_.load(std::memory_order_relaxed), nullptr};
  uint64_t path = 0;  // where the compressed path of the node at place.ref begins
  while (IsNode(place.ref)) {
    Node* node = NodeAt(place.ref);
    const uint64_t depth = node->depth();
    if (depth > path) place.skipped = node;
    if (key.size() < depth) return place;
    std::atomic<NodeRef>* slot =
        key.size() == depth ? node->terminal_slot() : node->Find(ByteAt(key, depth));
    if (slot == nullptr) return place;
    const NodeRef child = slot->load(std::memory_order_relaxed);
    if (child == 0) return place;
    place.slot = slot;
    place.ref = child;
    path = depth + 1;
  }
  return place;
}

void RadixTree::Approach(std::span<const std::string_view> keys) const {
  LSM_DCHECK(keys.size() <= kMaxApproached);
  std::array<NodeRef, kMaxApproached> places;
  places.fill(root_.load(std::memory_order_relaxed));
  bool moving = true;
  while (std::exchange(moving, false)) {
    for (size_t i = 0; i < keys.size(); ++i) {
      if (!IsNode(places[i])) continue;
      const Node* const node = NodeAt(places[i]);
      const uint64_t depth = node->depth();
      places[i] = keys[i].size() > depth ? node->FindChild(ByteAt(keys[i], depth)) : 0;
      if (places[i] == 0) continue;
      Prefetch(places[i]);
      moving = true;
    }
  }
}

void RadixTree::Insert(std::string_view key, uint64_t tag, std::string_view value) {
  LSM_DCHECK(key.size() <= kMaxKeySize && value.size() <= kMaxValueSize);
  const Place place = Descend(key);
  // What shares the most bytes with the key, as far as the tree can tell.
  const Leaf* nearest = nullptr;
  if (IsLeaf(place.ref)) {
    nearest = LeafAt(place.ref);
    if (nearest->key() == key) return AddVersion(place.ref, tag, value);
  } else if (place.skipped != nullptr) {
    nearest = LeafAt(place.skipped->witness());
  }
  const NodeRef leaf = NewLeaf(key, tag, value);
  if (nearest != nullptr) {
    const size_t shared = SharedPrefixSize(key, nearest->key());
    if (IsLeaf(place.ref) || shared < place.skipped->depth()) {
      return Part(key, nearest->key(), shared, leaf);
    }
  }
  if (place.ref == 0) {
    SchedulePoint();
    root_.store(leaf, std::memory_order_release);
  } else {
    AddChild(place, key, leaf);
  }
}

void RadixTree::AddVersion(NodeRef ref, uint64_t tag, std::string_view value) {
  Leaf* leaf = const_cast<Leaf*>(LeafAt(ref));
  const ArenaOffset newest = leaf->newest.load(std::memory_order_relaxed);
  LSM_DCHECK(VersionAt(newest)->tag < tag);
  const ArenaOffset version = arena_->AllocateEntry(Version::Size(value.size()));
  WriteVersion(version, tag, value, newest);
  SchedulePoint();
  leaf->newest.store(version, std::memory_order_release);
}

RadixTree::NodeRef RadixTree::NewLeaf(std::string_view key, uint64_t tag, std::string_view value) {
  const uint64_t leaf_size = (Leaf::Size(key.size()) + Arena::kUnit - 1) & ~(Arena::kUnit - 1);
  const ArenaOffset offset = arena_->AllocateEntry(leaf_size + Version::Size(value.size()));
  const auto version = static_cast<ArenaOffset>(offset + leaf_size / Arena::kUnit);
  Leaf* leaf = new (arena_->At(offset)) Leaf;
  leaf->newest.store(version, std::memory_order_relaxed);
  leaf->key_size = static_cast<uint16_t>(key.size());
  key.copy(leaf->bytes(), key.size());
  WriteVersion(version, tag, value, 0);
  return offset | kLeafBit;
}

void RadixTree::WriteVersion(ArenaOffset offset, uint64_t tag, std::string_view value,
                             ArenaOffset older) {
  Version* version = new (arena_->At(offset)) Version;
  version->tag = tag;
  version->value_size = static_cast<uint32_t>(value.size());
  version->older = older;
  value.copy(version->bytes(), value.size());
}

void RadixTree::Part(std::string_view key, std::string_view other, size_t shared, NodeRef leaf) {
  std::atomic<NodeRef>* slot = &root_;
  NodeRef below = slot->load(std::memory_order_relaxed);
  while (IsNode(below) && NodeAt(below)->depth() < shared) {
    slot = NodeAt(below)->Find(ByteAt(key, NodeAt(below)->depth()));
    below = slot->load(std::memory_order_relaxed);
  }
  const ArenaOffset offset = arena_->AllocateNode(Node::kLayouts[Node::kNode4].size);
  Node* node = Node::Create(arena_->At(offset), Node::kNode4, shared, leaf, 0);
  Attach(node, other, below);
  Attach(node, key, leaf);
  if (node->count() > kDeposits[Node::kNode4].born_with) {
    deposits_ += kDeposits[Node::kNode4].per_child;
  }
  SchedulePoint();
  slot->store(offset, std::memory_order_release);
}

void RadixTree::Attach(Node* node, std::string_view key, NodeRef child) {
  if (key.size() == node->depth()) {
    node->terminal_slot()->store(child, std::memory_order_release);
    return;
  }
  const bool added = node->Add(ByteAt(key, node->depth()), child);
  LSM_DCHECK(added);
  (void)added;
}

void RadixTree::AddChild(const Place& place, std::string_view key, NodeRef leaf) {
  Node* node = NodeAt(place.ref);
  const Deposit deposit = kDeposits[node->type()];
  if (key.size() == node->depth() || node->type() == Node::kNode256 ||
      node->count() < node->layout().capacity) {
    if (key.size() > node->depth()) deposits_ += deposit.per_child;
    return Attach(node, key, leaf);
  }
  deposits_ -= (node->count() - deposit.born_with) * deposit.per_child;
  const ArenaOffset offset = arena_->AllocateNode(Node::kLayouts[node->type() + 1].size);
  Node* larger = Node::Enlarge(arena_->At(offset), *node);
  Attach(larger, key, leaf);
  SchedulePoint();
  place.slot->store(offset, std::memory_order_release);
}

}  // namespace lsm
