// RadixCursor: walks the leaves of a radix tree in key order, both ways, while the writer goes on.
//
// It keeps the way down as a stack of nodes, each with the byte taken. Nodes that the writer
// replaces meanwhile stay as they were, so everything that was in the tree when the cursor was
// positioned is shown; what came later may be.

#ifndef LSM_MEMTABLE_RADIX_CURSOR_H_
#define LSM_MEMTABLE_RADIX_CURSOR_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "lsm/memtable/radix_tree.h"

namespace lsm {

class RadixCursor {
 public:
  // On no leaf. The tree outlives the cursor.
  explicit RadixCursor(const RadixTree* tree) : tree_(tree) {}

  // Null where there is none on that side: then only a seek moves the cursor.
  const RadixTree::Leaf* leaf() const { return leaf_; }

  void SeekFirst();
  void SeekLast();
  // The first leaf with key >= key.
  void Seek(std::string_view key);
  // The last leaf with key <= key.
  void SeekForPrev(std::string_view key);
  // REQUIRE: leaf() is not null.
  void Next();
  void Prev();

 private:
  using NodeRef = RadixTree::NodeRef;
  using Node = RadixTree::Node;

  // `byte` of the child taken, kTerminal, or a byte without a child, as a place between children.
  static constexpr int kTerminal = -1;
  struct Frame {
    NodeRef node;
    int32_t byte;
  };

  // Where a key would stand: `order` of the key against all leaves below `ref` (0: against nothing,
  // it stands at the top frame's byte). ref is what was seen below the frames.
  struct Place {
    NodeRef ref;
    int order;
  };
  Place Descend(std::string_view key);

  void Clear() {
    frames_.clear();
    leaf_ = nullptr;
  }
  // To the first or last leaf below `ref`, which is below the frames.
  void TakeFirst(NodeRef ref);
  void TakeLast(NodeRef ref);
  // Asks for what a walk meets soon after it went from `node` to the child for `byte`.
  void PrefetchAfter(const Node* node, int byte) const;
  // To the nearest leaf after or before the place where the frames point.
  void TakeNext();
  void TakePrev();

  const RadixTree* const tree_;
  const RadixTree::Leaf* leaf_ = nullptr;
  std::vector<Frame> frames_;
};

}  // namespace lsm

#endif  // LSM_MEMTABLE_RADIX_CURSOR_H_
