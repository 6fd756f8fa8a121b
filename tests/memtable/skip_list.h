// A skip list with inline keys (Pugh, CACM 1990), as LevelDB and RocksDB keep their memtables: what
// the radix tree is compared against. Single-threaded reads and writes, but with the stores and
// loads that lock-free readers would need.

#ifndef LSM_TESTS_MEMTABLE_SKIP_LIST_H_
#define LSM_TESTS_MEMTABLE_SKIP_LIST_H_

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>

namespace lsm {

class SkipList {
 public:
  // The links of all levels, then the key and value. Its tower stands before it, so that the lowest
  // link and the key share a cache line.
  struct Node {
    std::atomic<Node*> lowest;
    uint32_t key_size;
    uint32_t value_size;

    std::atomic<Node*>& Link(int level) { return (&lowest)[-level]; }
    Node* Next(int level) { return Link(level).load(std::memory_order_acquire); }
    std::string_view key() { return {reinterpret_cast<char*>(this + 1), key_size}; }
    std::string_view value() { return {reinterpret_cast<char*>(this + 1) + key_size, value_size}; }
  };

  // `memory` is big enough for all that is inserted.
  explicit SkipList(char* memory) : next_(memory), head_(NewNode(kMaxHeight, {}, {})) {}

  // REQUIRES: the key is new.
  void Insert(std::string_view key, std::string_view value) {
    Node* before[kMaxHeight];
    Node* node = head_;
    for (int level = height_ - 1; level >= 0; --level) {
      before[level] = node = Before(node, key, level);
    }
    const int height = RandomHeight();
    while (height_ < height) before[height_++] = head_;
    Node* added = NewNode(height, key, value);
    for (int level = 0; level < height; ++level) {
      added->Link(level).store(before[level]->Next(level), std::memory_order_relaxed);
      before[level]->Link(level).store(added, std::memory_order_release);
    }
  }

  // Null where there is none.
  Node* Find(std::string_view key) {
    Node* node = head_;
    for (int level = height_ - 1; level >= 0; --level) node = Before(node, key, level);
    node = node->Next(0);
    return node != nullptr && node->key() == key ? node : nullptr;
  }

  Node* first() { return head_->Next(0); }

 private:
  static constexpr int kMaxHeight = 16;

  Node* Before(Node* node, std::string_view key, int level) {
    for (;;) {
      Node* next = node->Next(level);
      if (next == nullptr) return node;
      __builtin_prefetch(next->Next(level));
      if (next->key() >= key) return node;
      node = next;
    }
  }

  // One node in four stands a level higher.
  int RandomHeight() {
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    return 1 + std::countl_zero(random_ | uint64_t{1} << (66 - 2 * kMaxHeight)) / 2;
  }

  Node* NewNode(int height, std::string_view key, std::string_view value) {
    char* tower = next_;
    char* body = tower + sizeof(void*) * static_cast<size_t>(height - 1);
    next_ = body + ((sizeof(Node) + key.size() + value.size() + 7) & ~size_t{7});
    std::memset(tower, 0, static_cast<size_t>(body - tower));
    Node* node = new (body) Node;
    node->key_size = static_cast<uint32_t>(key.size());
    node->value_size = static_cast<uint32_t>(value.size());
    key.copy(body + sizeof(Node), key.size());
    value.copy(body + sizeof(Node) + key.size(), value.size());
    return node;
  }

  char* next_;
  uint64_t random_ = 42;
  int height_ = 1;
  Node* const head_;
};

}  // namespace lsm

#endif  // LSM_TESTS_MEMTABLE_SKIP_LIST_H_
