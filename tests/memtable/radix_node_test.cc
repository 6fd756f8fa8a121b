#include "lsm/memtable/radix_node.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace lsm::internal {
namespace {

// A node that is enlarged when it is full, in memory full of rubbish, and the map it should equal.
class NodeAndModel {
 public:
  NodeAndModel(char rubbish, NodeRef terminal) : rubbish_(rubbish) {
    node_ = Node::Create(NewMemory(Node::kNode4), Node::kNode4, 77, kLeafBit | 5, terminal);
  }

  void Add(uint8_t byte, NodeRef child) {
    if (!node_->Add(byte, child)) {
      node_ = Node::Enlarge(NewMemory(static_cast<Node::Type>(node_->type() + 1)), *node_);
      ASSERT_TRUE(node_->Add(byte, child));
    }
    model_[byte] = child;
  }

  void Check() const {
    EXPECT_EQ(node_->depth(), 77u);
    EXPECT_EQ(node_->witness(), kLeafBit | 5);
    for (int byte = 0; byte < 256; ++byte) {
      const auto found = model_.find(byte);
      ASSERT_EQ(node_->FindChild(static_cast<uint8_t>(byte)),
                found == model_.end() ? 0 : found->second);
    }
    for (int from = 0; from <= 256; ++from) {
      const auto wanted = model_.lower_bound(from);
      const Node::Child child = node_->FirstFrom(from);
      ASSERT_EQ(child.ref, wanted == model_.end() ? 0 : wanted->second) << from;
      if (child.ref != 0) {
        ASSERT_EQ(child.byte, wanted->first);
      }
    }
    for (int to = -1; to < 256; ++to) {
      auto wanted = model_.upper_bound(to);
      const Node::Child child = node_->LastTo(to);
      if (wanted == model_.begin()) {
        ASSERT_EQ(child.ref, 0u) << to;
      } else {
        --wanted;
        ASSERT_EQ(child.ref, wanted->second) << to;
        ASSERT_EQ(child.byte, wanted->first);
      }
    }
  }

  const Node& node() const { return *node_; }

 private:
  struct alignas(64) Memory {
    char bytes[1088];
  };
  // Rubbish on all sides too, which must not be taken for children nor be touched.
  char* NewMemory(Node::Type type) {
    auto memory = std::make_unique<Memory>();
    std::memset(memory->bytes, rubbish_, sizeof(memory->bytes));
    for (const auto& [known, size] : used_) CheckRest(*known, size);
    used_.emplace_back(std::move(memory), Node::kLayouts[type].size);
    return used_.back().first->bytes;
  }
  void CheckRest(const Memory& memory, size_t size) const {
    for (size_t i = size; i < sizeof(memory.bytes); ++i) ASSERT_EQ(memory.bytes[i], rubbish_);
  }

  const char rubbish_;
  std::vector<std::pair<std::unique_ptr<Memory>, size_t>> used_;
  Node* node_;
  std::map<int, NodeRef> model_;
};

TEST(RadixNodeTest, GrowsThroughAllTypesInAnyOrderOfArrival) {
  std::mt19937 random(3);
  for (int round = 0; round < 12; ++round) {
    std::vector<int> bytes(256);
    std::iota(bytes.begin(), bytes.end(), 0);
    if (round == 1) std::reverse(bytes.begin(), bytes.end());
    if (round > 1) std::shuffle(bytes.begin(), bytes.end(), random);
    NodeAndModel both(round % 2 == 0 ? '\xff' : '\0', round % 3 == 0 ? kLeafBit | 9 : 0);
    std::vector<Node::Type> types;
    for (const int byte : bytes) {
      ASSERT_NO_FATAL_FAILURE(
          both.Add(static_cast<uint8_t>(byte), static_cast<NodeRef>(1000 + byte)));
      if (types.empty() || types.back() != both.node().type()) types.push_back(both.node().type());
      ASSERT_NO_FATAL_FAILURE(both.Check());
    }
    EXPECT_EQ(both.node().terminal(), round % 3 == 0 ? kLeafBit | 9 : 0);
    EXPECT_EQ(types, (std::vector<Node::Type>{Node::kNode4, Node::kNode10, Node::kNode23,
                                              Node::kNode48, Node::kNode256}));
  }
}

TEST(RadixNodeTest, LayoutsHoldWhatTheyPromise) {
  for (const Node::Layout& layout : Node::kLayouts) {
    EXPECT_LE(layout.children + layout.capacity * sizeof(NodeRef), layout.size);
    EXPECT_EQ(layout.children % sizeof(NodeRef), 0u);
    EXPECT_EQ(layout.size % 32, 0);
    if (layout.capacity == 256) continue;
    EXPECT_LE(Node::kKeys + layout.capacity, layout.witness);
    EXPECT_LE(layout.witness + sizeof(NodeRef), layout.children);
    EXPECT_LE(Node::kKeys + layout.capacity, 64u) << "keys stand on the first line";
  }
}

}  // namespace
}  // namespace lsm::internal
