// DrawHistory. Each seed prefers some operations and leaves out others, so that rare ones meet
// often in some histories.

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/db/history.h"
#include "tests/env/directory_files.h"

namespace lsm {
namespace {

using Kind = Operation::Kind;

struct Weight {
  Kind kind;
  uint64_t usual;
  bool may_be_left_out = true;
};
constexpr Weight kWeights[] = {
    {Kind::kWrite, 6000, false},  //
    {Kind::kGet, 2000},           //
    {Kind::kScan, 20, false},     //
    {Kind::kIterator, 150},       //
    {Kind::kSeekFirst, 30},       //
    {Kind::kSeekLast, 30},        //
    {Kind::kSeek, 150},           //
    {Kind::kSeekForPrev, 150},    //
    {Kind::kNext, 400},           //
    {Kind::kPrev, 400},           //
    {Kind::kNextN, 150},          //
    {Kind::kCloseIterator, 30},   //
    {Kind::kSnapshot, 150},       //
    {Kind::kRelease, 80},         //
    {Kind::kProperty, 10},        //
    {Kind::kFlush, 20},           //
    {Kind::kCompact, 8},          //
    {Kind::kWaitIdle, 4},         //
    {Kind::kReopen, 10},          //
    {Kind::kReadOnly, 3},         //
    {Kind::kVerify, 3},           //
};
constexpr Weight kCrashes[] = {{Kind::kKill, 10}, {Kind::kPowerLoss, 30, false}};
constexpr const char* kProperties[] = {"stats", "levels", "memory", "estimate-keys"};

class Drawer {
 public:
  explicit Drawer(uint64_t seed) : random_(seed) {
    for (const Weight& weight : kWeights) AddKind(weight);
    if (seed % 4 == 0) {
      for (const Weight& weight : kCrashes) AddKind(weight);
    }
    constexpr uint64_t kKeys[] = {12, 100, 400, 1500};
    keys_ = kKeys[Below(std::size(kKeys))];
    shared_prefix_ = std::string(OneIn(3) ? Below(40) : 0, 'p');
    value_size_ = OneIn(3) ? 12 : 60;
    range_deletions_ = Below(4);
  }

  Operation Draw() {
    Operation operation;
    operation.kind = kinds_[Below(kinds_.size())];
    operation.slot = 1 + Below(kHistorySlots);
    switch (operation.kind) {
      case Kind::kWrite:
        DrawBatch(&operation);
        break;
      case Kind::kGet:
        operation.snapshot = DrawSnapshot();
        [[fallthrough]];
      case Kind::kSeek:
      case Kind::kSeekForPrev:
        operation.key = DrawKey();
        break;
      case Kind::kScan:
      case Kind::kIterator:
        operation.snapshot = DrawSnapshot();
        [[fallthrough]];
      case Kind::kCompact:
        DrawRange(&operation);
        break;
      case Kind::kNext:
      case Kind::kPrev:
      case Kind::kNextN:
        operation.number = 1 + Below(OneIn(8) ? 100 : 6);
        break;
      case Kind::kProperty:
        operation.key = kProperties[Below(std::size(kProperties))];
        break;
      case Kind::kReopen:
        operation.number = OneIn(2) ? Below(20) : 0;
        break;
      case Kind::kPowerLoss:
        operation.number = OneIn(4) ? 0 : Below(60);
        operation.seed = random_() % 1'000'000;
        break;
      default:
        break;
    }
    return operation;
  }

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool OneIn(uint64_t count) { return Below(count) == 0; }

  // Never, as usual, or often.
  void AddKind(const Weight& weight) {
    uint64_t count = weight.usual;
    const uint64_t dice = Below(8);
    if (dice == 0 && weight.may_be_left_out) count = 0;
    if (dice == 1 && weight.usual < 1000) count *= 3;
    kinds_.insert(kinds_.end(), count, weight.kind);
  }

  uint64_t DrawSnapshot() { return OneIn(2) ? 0 : 1 + Below(kHistorySlots); }

  // Keys meet, are prefixes of each other, and one is empty.
  std::string DrawKey() {
    const uint64_t number = Below(keys_);
    if (number == 0) return "";
    std::string key = absl::StrCat(shared_prefix_, "k", number);
    const uint64_t dice = Below(256);
    if (dice < 24) key.push_back(static_cast<char>(dice % 3 == 0 ? 0 : 0xff * (dice % 2)));
    if (dice == 255) key.append(300, 'x');
    return key;
  }

  // Where it is long, of few different bytes: it compresses.
  std::string DrawValue() {
    const uint64_t size = OneIn(48) ? Below(3000) : Below(value_size_);
    std::string value(size, '\0');
    uint64_t bits = 0;
    for (size_t i = 0; i < size; ++i, bits >>= 2) {
      if (i % 32 == 0) bits = random_();
      value[i] = static_cast<char>('a' + bits % 4);
    }
    return value;
  }

  void DrawRange(Operation* operation) {
    operation->key = OneIn(2) ? DrawKey() : "";
    operation->end = OneIn(2) ? DrawKey() : std::string(InfiniteKey());
    if (operation->key > operation->end) std::swap(operation->key, operation->end);
  }

  // Short ones mostly, or nothing would be left.
  void DrawDeleteRange(WriteBatch* batch) {
    std::string begin = DrawKey();
    std::string end = begin + "5";
    if (OneIn(6)) end = OneIn(8) ? std::string(InfiniteKey()) : DrawKey();
    if (begin > end) std::swap(begin, end);
    Must(batch->DeleteRange(begin, end));
  }

  void DrawBatch(Operation* operation) {
    operation->sync = OneIn(16);
    uint64_t left = OneIn(10) ? Below(20) : 1;
    for (; left > 0; --left) {
      const uint64_t dice = Below(200);
      if (dice < 2 * range_deletions_) {
        DrawDeleteRange(&operation->batch);
      } else if (dice < 40) {
        Must(operation->batch.Delete(DrawKey()));
      } else {
        Must(operation->batch.Put(DrawKey(), DrawValue()));
      }
    }
  }

  std::mt19937_64 random_;
  std::vector<Kind> kinds_;  // each as often as it is to come
  uint64_t keys_ = 0;
  uint64_t value_size_ = 0;
  uint64_t range_deletions_ = 0;  // so many of a hundred writes
  std::string shared_prefix_;
};

}  // namespace

Operations DrawHistory(uint64_t seed, size_t count) {
  Drawer drawer(seed);
  Operations history;
  history.reserve(count);
  while (history.size() < count) history.push_back(drawer.Draw());
  return history;
}

}  // namespace lsm
