#include "tests/db/history_shrink.h"

#include <algorithm>
#include <utility>

#include "tests/env/directory_files.h"

namespace lsm {
namespace {

// Without its operation number `left_out`.
WriteBatch Without(const WriteBatch& batch, uint32_t left_out) {
  WriteBatch rest;
  BatchReader reader(batch.bytes());
  WriteOp op;
  for (uint32_t i = 0; reader.Next(&op); ++i) {
    if (i == left_out) continue;
    switch (op.kind) {
      case EntryKind::kPut:
        Must(rest.Put(op.key, op.value));
        break;
      case EntryKind::kDelete:
        Must(rest.Delete(op.key));
        break;
      case EntryKind::kRangeDelete:
        Must(rest.DeleteRange(op.key, op.value));
        break;
    }
  }
  return rest;
}

class Shrinker {
 public:
  Shrinker(const Operations& history, const std::function<bool(const Operations&)>& fails,
           size_t most_runs)
      : history_(history), fails_(fails), runs_left_(most_runs) {}

  Operations Shrink() {
    for (size_t size = history_.size(); size > 0; size /= 2) RemovePieces(size);
    // What has gone may have been all that others were needed for.
    while (ShortenBatches() || LowerNumbers() || RemovePieces(1)) {
    }
    return std::move(history_);
  }

 private:
  // From the end, behind which nothing matters. Whether any could go.
  bool RemovePieces(size_t size) {
    bool any = false;
    size_t end = history_.size();
    while (end > 0 && runs_left_ > 0) {
      const size_t begin = end - std::min(end, size);
      Operations rest(history_.begin(), history_.begin() + static_cast<ptrdiff_t>(begin));
      rest.insert(rest.end(), history_.begin() + static_cast<ptrdiff_t>(end), history_.end());
      any |= Try(std::move(rest));
      end = begin;
    }
    return any;
  }

  bool ShortenBatches() {
    bool any = false;
    for (size_t i = 0; i < history_.size(); ++i) {
      uint32_t left_out = history_[i].batch.count();
      while (left_out-- > 0 && runs_left_ > 0) {
        Operations rest = history_;
        rest[i].batch = Without(history_[i].batch, left_out);
        any |= Try(std::move(rest));
      }
    }
    return any;
  }

  bool LowerNumbers() {
    bool any = false;
    for (size_t i = 0; i < history_.size(); ++i) {
      const uint64_t number = history_[i].number;
      for (const uint64_t lower : {uint64_t{0}, number / 2, number - 1}) {
        if (history_[i].number <= lower || runs_left_ == 0) continue;
        Operations rest = history_;
        rest[i].number = lower;
        any |= Try(std::move(rest));
      }
    }
    return any;
  }

  bool Try(Operations candidate) {
    if (runs_left_ == 0) return false;
    --runs_left_;
    if (!fails_(candidate)) return false;
    history_ = std::move(candidate);
    return true;
  }

  Operations history_;
  const std::function<bool(const Operations&)>& fails_;
  size_t runs_left_;
};

}  // namespace

Operations ShrinkHistory(const Operations& history,
                         const std::function<bool(const Operations&)>& fails, size_t most_runs) {
  return Shrinker(history, fails, most_runs).Shrink();
}

}  // namespace lsm
