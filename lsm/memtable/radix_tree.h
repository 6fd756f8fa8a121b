// RadixTree: the memtable's index, from user keys to their versions.
//
// An adaptive radix tree (Leis et al., "The adaptive radix tree: ARTful indexing for main-memory
// databases", ICDE 2013) with path compression, in an arena (nodes: radix_node.h). A lookup goes
// down by the bytes that nodes branch on and compares the whole key once, at the leaf. An insert
// does the same; where it ends without a leaf it compares the compressed paths it skipped with a
// witness of the lowest.
//
// One writer, readers without locks: what readers can reach is extended by a single release store
// (a child's count, a slot of a node) once all behind it is written. A node that is full is copied
// into a larger one, which replaces it in its parent's slot; readers inside the old one still find
// all that was there when they came, since nothing is taken away and the arena frees nothing.
//
// How much an insert may take (invariant 4 of memtable.h). Beside its leaf and version, an insert
// makes at most one node: a kNode4 where two keys part, or a larger copy of a full node, up to
// 1,088 bytes. As a bound for many inserts that would be absurd: full nodes are rare, and each was
// filled by inserts before. So every child added pays a deposit towards the next copy of its node,
// such that a node that is copied has been paid for: 16 bytes a child in kNode4 (3 or 4 children,
// with the one that makes it grow, pay 64), 22 in kNode10 (6 pay 128), 20 in kNode23 (13 pay 256),
// 44 in kNode48 (25 pay 1,088). n inserts therefore take at most the deposits that lie in the tree
// plus 48 n (a new kNode4 and its first deposit), and never more than 1,088 n. The deposits are
// only counted, not set aside.

#ifndef LSM_MEMTABLE_RADIX_TREE_H_
#define LSM_MEMTABLE_RADIX_TREE_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "lsm/base/entry.h"
#include "lsm/memtable/arena.h"
#include "lsm/memtable/radix_node.h"

namespace lsm {

class RadixTree {
 public:
  using Version = internal::Version;
  using Leaf = internal::Leaf;
  using Node = internal::Node;
  using NodeRef = internal::NodeRef;

  // Leaf, version and padding, beyond the bytes of key and value.
  static constexpr uint64_t kEntryOverhead =
      Leaf::kKeyOffset + sizeof(Version) + 2 * (Arena::kUnit - 1);
  // Bytes of nodes an insert may make, beyond deposits.
  static constexpr uint64_t kNodeBytesPerInsert = 48;

  // Empty. The arena outlives the tree.
  explicit RadixTree(Arena* arena) : arena_(arena) {}
  RadixTree(const RadixTree&) = delete;
  RadixTree& operator=(const RadixTree&) = delete;

  // An upper bound of the node bytes that `count` inserts take. REQUIRES: the writer.
  uint64_t NodeBytesFor(uint64_t count) const {
    constexpr uint64_t kLargestNode = Node::kLayouts[Node::kNode256].size;
    return std::min(count * kLargestNode, deposits_ + count * kNodeBytesPerInsert);
  }

  // Brings into the cache what inserting these keys will touch: goes down to all of their places at
  // once, so that the misses of one are served beside those of the others. REQUIRES: the writer; at
  // most kMaxApproached keys.
  static constexpr size_t kMaxApproached = 16;
  void Approach(std::span<const std::string_view> keys) const;

  // Adds a version, newer than all that its key has. REQUIRES: the writer; the arena has room.
  void Insert(std::string_view key, uint64_t tag, std::string_view value);

  // The newest version of `key` with sequence <= snapshot, or null.
  const Version* Find(std::string_view key, SequenceNumber snapshot) const;

  NodeRef root() const { return root_.load(std::memory_order_acquire); }
  const Node* NodeAt(NodeRef ref) const { return reinterpret_cast<const Node*>(arena_->At(ref)); }
  const Leaf* LeafAt(NodeRef ref) const {
    return reinterpret_cast<const Leaf*>(arena_->At(ref & ~internal::kLeafBit));
  }
  // Asks for the cache lines that whoever goes to `ref` touches first.
  void Prefetch(NodeRef ref) const {
    const char* place = arena_->At(ref & ~internal::kLeafBit);
    PrefetchLine(place);
    if (internal::IsLeaf(ref)) {
      PrefetchLine(place + 64);
      PrefetchLine(place + 128);
    }
  }
  const Version* VersionAt(ArenaOffset offset) const {
    return reinterpret_cast<const Version*>(arena_->At(offset));
  }
  const Version* NewestOf(const Leaf& leaf) const {
    return VersionAt(leaf.newest.load(std::memory_order_acquire));
  }
  // Null where `version` is the oldest.
  const Version* OlderThan(const Version& version) const {
    return version.older == 0 ? nullptr : VersionAt(version.older);
  }

 private:
  // Not __builtin_prefetch: gcc takes a function that does nothing else for one without effect, and
  // drops calls to it.
  static void PrefetchLine(const char* line) { asm volatile("prefetcht0 %0" : : "m"(*line)); }

  // Where an insert ends. `slot` holds a leaf, or `node` (null: the tree is empty) that has no
  // child for the key.
  struct Place {
    std::atomic<NodeRef>* slot;
    NodeRef ref;
    // The lowest node on the way whose compressed path was not empty, or null.
    const Node* skipped;
  };
  Place Descend(std::string_view key);

  Node* NodeAt(NodeRef ref) { return reinterpret_cast<Node*>(arena_->At(ref)); }
  NodeRef NewLeaf(std::string_view key, uint64_t tag, std::string_view value);
  void AddVersion(NodeRef leaf, uint64_t tag, std::string_view value);
  void WriteVersion(ArenaOffset offset, uint64_t tag, std::string_view value, ArenaOffset older);
  // Puts a node above what holds `key`'s first `shared` bytes but differs after them, as `other`
  // does.
  void Part(std::string_view key, std::string_view other, size_t shared, NodeRef leaf);
  void AddChild(const Place& place, std::string_view key, NodeRef leaf);
  // The child of `node` for the byte of `key` at its depth, or its terminal where the key ends
  // there.
  static void Attach(Node* node, std::string_view key, NodeRef child);

  Arena* const arena_;
  std::atomic<NodeRef> root_{0};
  uint64_t deposits_ = 0;  // the writer's
};

}  // namespace lsm

#endif  // LSM_MEMTABLE_RADIX_TREE_H_
