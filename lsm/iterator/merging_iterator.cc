#include "lsm/iterator/merging_iterator.h"

#include <utility>

namespace lsm {
namespace {

class EmptyIterator final : public EntryIterator {
 public:
  void SeekFirst() override {}
  void SeekLast() override {}
  void Seek(std::string_view) override {}
  void SeekForPrev(std::string_view) override {}
  void Next() override {}
  void Prev() override {}
};

class MergingIterator final : public EntryIterator {
 public:
  MergingIterator(std::vector<std::unique_ptr<EntryIterator>> sources, size_t shared_prefix_size)
      : shared_prefix_size_(shared_prefix_size), losers_(sources.size()) {
    for (auto& source : sources) sources_.push_back({std::move(source), 0});
  }

  void SeekFirst() override {
    Position(Direction::kForward, [](EntryIterator& source) { source.SeekFirst(); });
  }
  void SeekLast() override {
    Position(Direction::kBackward, [](EntryIterator& source) { source.SeekLast(); });
  }
  void Seek(std::string_view key) override {
    Position(Direction::kForward, [key](EntryIterator& source) { source.Seek(key); });
  }
  void SeekForPrev(std::string_view key) override {
    Position(Direction::kBackward, [key](EntryIterator& source) { source.SeekForPrev(key); });
  }

  void Next() override {
    LSM_DCHECK(valid_);
    if (direction_ != Direction::kForward && !TurnForward()) return;
    sources_[winner_].iterator->Next();
    Replay();
  }

  void Prev() override {
    LSM_DCHECK(valid_);
    if (direction_ != Direction::kBackward && !TurnBackward()) return;
    sources_[winner_].iterator->Prev();
    Replay();
  }

  void SetPinList(PinList* pins) override {
    for (Source& source : sources_) source.iterator->SetPinList(pins);
  }

 private:
  enum class Direction : uint8_t { kForward, kBackward };

  struct Source {
    std::unique_ptr<EntryIterator> iterator;
    uint64_t prefix;  // of the key it stands on
  };

  void Refresh(Source& source) const {
    if (source.iterator->valid()) {
      source.prefix = KeyPrefix(source.iterator->entry().key, shared_prefix_size_);
    }
  }

  // Whether source `a` comes before source `b` in the direction of the merge. Exhausted ones come
  // last.
  bool Before(uint32_t a, uint32_t b) const {
    const Source& x = sources_[a];
    const Source& y = sources_[b];
    if (!x.iterator->valid()) return false;
    if (!y.iterator->valid()) return true;
    const bool forward = direction_ == Direction::kForward;
    if (x.prefix != y.prefix) return (x.prefix < y.prefix) == forward;
    const int order = CompareEntries(x.iterator->entry(), y.iterator->entry());
    if (order != 0) return (order < 0) == forward;
    return (a < b) == forward;
  }

  template <typename Move>
  void Position(Direction direction, Move move) {
    direction_ = direction;
    status_ = Status::Ok();
    for (Source& source : sources_) {
      move(*source.iterator);
      Refresh(source);
    }
    Build();
  }

  // Plays the matches under a node and gives the winner. The sources are the leaves n..2n-1 of an
  // implicit binary tree whose inner nodes 1..n-1 keep the loser of their match.
  uint32_t Play(uint32_t node) {
    const auto count = static_cast<uint32_t>(sources_.size());
    if (node >= count) return node - count;
    const uint32_t left = Play(2 * node);
    const uint32_t right = Play(2 * node + 1);
    const bool left_wins = !Before(right, left);
    losers_[node] = left_wins ? right : left;
    return left_wins ? left : right;
  }

  void Build() {
    winner_ = Play(1);
    for (const Source& source : sources_) {
      if (!source.iterator->status().ok()) return Fail(source.iterator->status());
    }
    Show();
  }

  // The winner has moved: replays the matches on its path.
  void Replay() {
    Source& moved = sources_[winner_];
    if (!moved.iterator->valid() && !moved.iterator->status().ok()) {
      return Fail(moved.iterator->status());
    }
    Refresh(moved);
    uint32_t winner = winner_;
    for (uint32_t node = (winner + static_cast<uint32_t>(sources_.size())) / 2; node >= 1;
         node /= 2) {
      if (Before(losers_[node], winner)) std::swap(losers_[node], winner);
    }
    winner_ = winner;
    Show();
  }

  void Show() {
    const EntryIterator& winner = *sources_[winner_].iterator;
    valid_ = winner.valid();
    if (valid_) entry_ = winner.entry();
  }

  // Puts every other source behind the current entry, so that stepping forward is right again.
  // False where one failed.
  bool TurnForward() {
    direction_ = Direction::kForward;
    for (uint32_t i = 0; i < sources_.size(); ++i) {
      if (i == winner_) continue;
      EntryIterator& source = *sources_[i].iterator;
      source.Seek(entry_.key);
      while (source.valid() && BeforeCurrent(i)) source.Next();
      Refresh(sources_[i]);
    }
    return RebuildAround();
  }

  bool TurnBackward() {
    direction_ = Direction::kBackward;
    for (uint32_t i = 0; i < sources_.size(); ++i) {
      if (i == winner_) continue;
      EntryIterator& source = *sources_[i].iterator;
      source.SeekForPrev(entry_.key);
      while (source.valid() && !BeforeCurrent(i)) source.Prev();
      Refresh(sources_[i]);
    }
    return RebuildAround();
  }

  // Whether source `i` stands on an entry that precedes the current one in the order of a forward
  // merge.
  bool BeforeCurrent(uint32_t i) const {
    const int order = CompareEntries(sources_[i].iterator->entry(), entry_);
    return order < 0 || (order == 0 && i < winner_);
  }

  // After a turn the old winner still stands on the current entry and wins again.
  bool RebuildAround() {
    [[maybe_unused]] const uint32_t current = winner_;
    Build();
    LSM_DCHECK(!status_.ok() || winner_ == current);
    return status_.ok();
  }

  const size_t shared_prefix_size_;
  std::vector<Source> sources_;
  std::vector<uint32_t> losers_;
  uint32_t winner_ = 0;
  Direction direction_ = Direction::kForward;
};

}  // namespace

std::unique_ptr<EntryIterator> NewMergingIterator(
    std::vector<std::unique_ptr<EntryIterator>> sources, size_t shared_prefix_size) {
  if (sources.empty()) return std::make_unique<EmptyIterator>();
  if (sources.size() == 1) return std::move(sources.front());
  return std::make_unique<MergingIterator>(std::move(sources), shared_prefix_size);
}

}  // namespace lsm
