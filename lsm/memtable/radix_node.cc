#include "lsm/memtable/radix_node.h"

#include <cstring>
#include <new>

#include "lsm/base/sync.h"

namespace lsm::internal {

Node* Node::Create(char* memory, Type type, uint64_t depth, NodeRef witness, NodeRef terminal) {
  Node* node = new (memory) Node;
  node->type_ = type;
  node->count_.store(0, std::memory_order_relaxed);
  node->depth_ = static_cast<uint16_t>(depth);
  node->terminal_.store(terminal, std::memory_order_relaxed);
  node->Slot(node->layout().witness).store(witness, std::memory_order_relaxed);
  if (type == kNode256) std::memset(node->At(node->layout().children), 0, 256 * sizeof(NodeRef));
  return node;
}

Node* Node::Enlarge(char* memory, const Node& small) {
  const Type type = static_cast<Type>(small.type_ + 1);
  Node* node = Create(memory, type, small.depth(), small.witness(), small.terminal());
  const unsigned count = small.count();
  if (type != kNode256) {
    std::memcpy(node->At(kKeys), small.At(kKeys), count);
    std::memcpy(node->At(node->layout().children), small.At(small.layout().children),
                count * sizeof(NodeRef));
    node->count_.store(static_cast<uint8_t>(count), std::memory_order_relaxed);
    return node;
  }
  for (unsigned i = 0; i < count; ++i) {
    const auto byte = static_cast<uint8_t>(*small.At(kKeys + i));
    node->ChildSlot(byte).store(small.ChildSlot(i).load(std::memory_order_relaxed),
                                std::memory_order_relaxed);
  }
  return node;
}

bool Node::Add(uint8_t byte, NodeRef child) {
  if (type_ == kNode256) {
    ChildSlot(byte).store(child, std::memory_order_release);
    return true;
  }
  const unsigned count = count_.load(std::memory_order_relaxed);
  if (count == layout().capacity) return false;
  auto* key = reinterpret_cast<std::atomic<uint8_t>*>(At(kKeys + count));
  key->store(byte, std::memory_order_relaxed);
  ChildSlot(count).store(child, std::memory_order_relaxed);
  SchedulePoint();
  count_.store(static_cast<uint8_t>(count + 1), std::memory_order_release);
  return true;
}

namespace {

// The lanes of chunk `chunk` that hold one of the first `count` keys.
__m128i LiveLanes(unsigned chunk, unsigned count) {
  const __m128i lanes = _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  return _mm_cmplt_epi8(lanes, _mm_set1_epi8(static_cast<char>(static_cast<int>(count) -
                                                               static_cast<int>(chunk * 16))));
}

// The smallest and the largest of sixteen bytes.
uint8_t SmallestByte(__m128i bytes) {
  bytes = _mm_min_epu8(bytes, _mm_srli_si128(bytes, 8));
  bytes = _mm_min_epu8(bytes, _mm_srli_si128(bytes, 4));
  bytes = _mm_min_epu8(bytes, _mm_srli_si128(bytes, 2));
  bytes = _mm_min_epu8(bytes, _mm_srli_si128(bytes, 1));
  return static_cast<uint8_t>(_mm_cvtsi128_si32(bytes));
}
uint8_t LargestByte(__m128i bytes) {
  const __m128i ones = _mm_set1_epi8(-1);
  return static_cast<uint8_t>(~SmallestByte(_mm_xor_si128(bytes, ones)));
}

}  // namespace

Node::Child Node::FirstFrom(int from) const {
  if (type_ == kNode256) {
    for (; from < 256; ++from) {
      const NodeRef ref = ChildSlot(from).load(std::memory_order_acquire);
      if (ref != 0) return {from, ref};
    }
    return {256, 0};
  }
  if (from > 255) return {256, 0};
  const unsigned count = this->count();
  const __m128i bound = _mm_set1_epi8(static_cast<char>(from));
  const __m128i ones = _mm_set1_epi8(-1);
  __m128i smallest = ones;
  for (unsigned chunk = 0; chunk < Chunks(); ++chunk) {
    const __m128i keys = Keys(chunk);
    const __m128i wanted =
        _mm_and_si128(LiveLanes(chunk, count), _mm_cmpeq_epi8(_mm_max_epu8(keys, bound), keys));
    smallest = _mm_min_epu8(smallest, _mm_or_si128(keys, _mm_andnot_si128(wanted, ones)));
  }
  // 255 is also what remains when there is none.
  const uint8_t byte = SmallestByte(smallest);
  const uint64_t mask = Matches(byte, count);
  if (mask == 0) return {256, 0};
  return {byte, ChildSlot(std::countr_zero(mask)).load(std::memory_order_acquire)};
}

Node::Child Node::LastTo(int to) const {
  if (type_ == kNode256) {
    for (; to >= 0; --to) {
      const NodeRef ref = ChildSlot(to).load(std::memory_order_acquire);
      if (ref != 0) return {to, ref};
    }
    return {-1, 0};
  }
  if (to < 0) return {-1, 0};
  const unsigned count = this->count();
  const __m128i bound = _mm_set1_epi8(static_cast<char>(to));
  __m128i largest = _mm_setzero_si128();
  for (unsigned chunk = 0; chunk < Chunks(); ++chunk) {
    const __m128i keys = Keys(chunk);
    const __m128i wanted =
        _mm_and_si128(LiveLanes(chunk, count), _mm_cmpeq_epi8(_mm_min_epu8(keys, bound), keys));
    largest = _mm_max_epu8(largest, _mm_and_si128(keys, wanted));
  }
  // 0 is also what remains when there is none.
  const uint8_t byte = LargestByte(largest);
  const uint64_t mask = Matches(byte, count);
  if (mask == 0) return {-1, 0};
  return {byte, ChildSlot(std::countr_zero(mask)).load(std::memory_order_acquire)};
}

}  // namespace lsm::internal
