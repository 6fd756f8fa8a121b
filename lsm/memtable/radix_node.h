// The nodes of the memtable's radix tree, and what hangs under them.
//
// A node branches on one byte of the key, at `depth`. It does not hold the bytes between its
// parent's depth and its own (the compressed path) but refers to a witness: some leaf below it,
// whose key has them. Since a node says nothing about where its path begins, it stays as it is when
// a node is put above it.
//
//   node    := type:8 count:8 depth:16 terminal:32 body   terminal: leaf of the key ending here
//   body    := key[count] witness:32 child[count]:32      four types, by room; in order of arrival
//            | witness:32 … child[256]:32                 kNode256, by key; 0 where there is none
//   leaf    := newest:32 key_size:16 key …                   newest: the offset of a version
//   version := tag:64 value_size:32 older:32 value …
//
// Types are cut so that keys stand on the node's first cache line, and all of a node with up to ten
// children does: 32, 64, 128, 256 and 1,088 bytes.
//
// Invariants:
// 1. The one writer changes a node that readers may see in two ways only: it sets terminal, and it
//    adds a child (key and child first, then the count that shows them; in kNode256 just the
//    child). All else needs a new node.
// 2. A child slot may later refer to something else that holds all that was below it and more.
// 3. A node has at least one child, and at least two among children and terminal.
//
// Readers load keys by words of 8 bytes while the writer stores single bytes; a reader takes no
// notice of bytes beyond the count it loaded before (acquire). All accesses are atomic.

#ifndef LSM_MEMTABLE_RADIX_NODE_H_
#define LSM_MEMTABLE_RADIX_NODE_H_

#include <emmintrin.h>

#include <atomic>
#include <bit>
#include <cstdint>
#include <string_view>

#include "lsm/base/entry.h"
#include "lsm/memtable/arena.h"

namespace lsm::internal {

// A node or, with the highest bit set, a leaf: offsets in the arena. 0 is none.
using NodeRef = uint32_t;
inline constexpr NodeRef kLeafBit = uint32_t{1} << 31;
inline bool IsNode(NodeRef ref) { return static_cast<int32_t>(ref) > 0; }
inline bool IsLeaf(NodeRef ref) { return static_cast<int32_t>(ref) < 0; }

struct Version {
  uint64_t tag;
  uint32_t value_size;
  ArenaOffset older;  // 0 where this is the oldest

  static uint64_t Size(uint64_t value_size) { return sizeof(Version) + value_size; }
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  std::string_view value() const { return {reinterpret_cast<const char*>(this + 1), value_size}; }
};
static_assert(sizeof(Version) == 16);

struct Leaf {
  static constexpr uint64_t kKeyOffset = 6;

  std::atomic<ArenaOffset> newest;
  uint16_t key_size;

  static uint64_t Size(uint64_t key_size) { return kKeyOffset + key_size; }
  char* bytes() { return reinterpret_cast<char*>(this) + kKeyOffset; }
  std::string_view key() const {
    return {reinterpret_cast<const char*>(this) + kKeyOffset, key_size};
  }
};

class Node {
 public:
  enum Type : uint8_t { kNode4, kNode10, kNode23, kNode48, kNode256 };

  struct Layout {
    uint16_t capacity;
    uint16_t witness;  // byte offsets
    uint16_t children;
    uint16_t size;
  };
  static constexpr uint64_t kKeys = 8;
  static constexpr Layout kLayouts[] = {
      {4, 12, 16, 32}, {10, 20, 24, 64}, {23, 32, 36, 128}, {48, 56, 60, 256}, {256, 8, 64, 1088},
  };

  struct Child {
    int byte;
    NodeRef ref;  // 0 where there is no such child
  };

  // A node without children at `memory`, which has room for one of its type. Only the writer knows
  // it until it is published.
  static Node* Create(char* memory, Type type, uint64_t depth, NodeRef witness, NodeRef terminal);
  // `small` with room for more, at `memory`. REQUIRES: small is no kNode256.
  static Node* Enlarge(char* memory, const Node& small);

  Type type() const { return static_cast<Type>(type_); }
  const Layout& layout() const { return kLayouts[type_]; }
  uint64_t depth() const { return depth_; }
  NodeRef witness() const { return Slot(layout().witness).load(std::memory_order_relaxed); }
  NodeRef terminal() const { return terminal_.load(std::memory_order_acquire); }
  std::atomic<NodeRef>* terminal_slot() { return &terminal_; }
  // Not of kNode256, which does not count.
  unsigned count() const { return count_.load(std::memory_order_acquire); }

  // The slot of the child for `byte`, or null (in kNode256: a slot that holds 0).
  std::atomic<NodeRef>* Find(uint8_t byte) {
    if (type_ == kNode256) return &ChildSlot(byte);
    const uint64_t mask = Matches(byte, count());
    return mask == 0 ? nullptr : &ChildSlot(std::countr_zero(mask));
  }
  NodeRef FindChild(uint8_t byte) const {
    const std::atomic<NodeRef>* slot = const_cast<Node*>(this)->Find(byte);
    return slot == nullptr ? 0 : slot->load(std::memory_order_acquire);
  }
  // The child with the smallest byte >= from (0..256), with the largest byte <= to (-1..255).
  Child FirstFrom(int from) const;
  Child LastTo(int to) const;

  // False where there is no room. REQUIRES: the writer; no child has that byte.
  bool Add(uint8_t byte, NodeRef child);

  // All children, in no order; for prefetching. Not of kNode256.
  template <typename Visitor>
  void VisitChildren(Visitor visit) const;

 private:
  using Word = std::atomic<uint64_t>;

  char* At(uint64_t offset) const {
    return reinterpret_cast<char*>(const_cast<Node*>(this)) + offset;
  }
  std::atomic<NodeRef>& Slot(uint64_t offset) const {
    return *reinterpret_cast<std::atomic<NodeRef>*>(At(offset));
  }
  std::atomic<NodeRef>& ChildSlot(uint64_t index) const {
    return Slot(layout().children + index * sizeof(NodeRef));
  }
  // Sixteen keys, and what stands in their place beyond the node's capacity.
  __m128i Keys(unsigned chunk) const {
    const Word* words = reinterpret_cast<const Word*>(At(kKeys + chunk * 16));
    const uint64_t low = words[0].load(std::memory_order_relaxed);
    const uint64_t high = words[1].load(std::memory_order_relaxed);
    return _mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low));
  }
  unsigned Chunks() const { return type_ <= kNode10 ? 1 : type_; }
  // Bit i: key i, of the first `count`, is `byte`.
  uint64_t Matches(uint8_t byte, unsigned count) const {
    const __m128i needle = _mm_set1_epi8(static_cast<char>(byte));
    uint64_t mask = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(Keys(0), needle)));
    for (unsigned chunk = 1; chunk < Chunks(); ++chunk) {
      const int bits = _mm_movemask_epi8(_mm_cmpeq_epi8(Keys(chunk), needle));
      mask |= static_cast<uint64_t>(bits) << (16 * chunk);
    }
    return mask & ((uint64_t{1} << count) - 1);
  }

  uint8_t type_;
  std::atomic<uint8_t> count_;
  uint16_t depth_;
  std::atomic<NodeRef> terminal_;
};
static_assert(sizeof(Node) == Node::kKeys);
static_assert(Node::kNode23 == 2 && Node::kNode48 == 3, "number of chunks");

template <typename Visitor>
void Node::VisitChildren(Visitor visit) const {
  const unsigned children = count();
  for (unsigned i = 0; i < children; ++i) visit(ChildSlot(i).load(std::memory_order_relaxed));
}

}  // namespace lsm::internal

#endif  // LSM_MEMTABLE_RADIX_NODE_H_
