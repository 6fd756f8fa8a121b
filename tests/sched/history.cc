#include "tests/sched/history.h"

#include <algorithm>
#include <bitset>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "lsm/base/check.h"

namespace lsm {
namespace {

using Done = std::bitset<History::kMaxOperationsPerKey>;

class Search {
 public:
  explicit Search(const std::vector<Operation>& operations) : operations_(operations) {
    if (operations.size() > History::kMaxOperationsPerKey) {
      internal::CheckFailed(__FILE__, __LINE__, "a key has no more operations than that");
    }
  }

  // Some order of what is not done explains it all; the last write was `value`.
  bool From(Done done, const std::string& value) {
    uint64_t first_end = UINT64_MAX;
    bool over = true;
    // A read that may come now and fits does no harm, so it comes now.
    for (bool found = true; found;) {
      found = false;
      first_end = FirstEnd(done);
      over = first_end == UINT64_MAX;
      for (size_t i = 0; i < operations_.size(); ++i) {
        const Operation& operation = operations_[i];
        if (done[i] || operation.is_write || operation.begin > first_end) continue;
        if (operation.value != value) continue;
        done.set(i);
        found = true;
      }
    }
    if (over) return true;
    if (!tried_.insert(absl::StrCat(value, " ", done.to_string())).second) return false;
    for (size_t i = 0; i < operations_.size(); ++i) {
      const Operation& operation = operations_[i];
      if (done[i] || !operation.is_write || operation.begin > first_end) continue;
      done.set(i);
      if (From(done, operation.value)) return true;
      done.reset(i);
    }
    return false;
  }

 private:
  // When the first of those that must still come ends: nothing that begins later comes before it.
  uint64_t FirstEnd(const Done& done) const {
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < operations_.size(); ++i) {
      if (!done[i] && operations_[i].is_certain) first = std::min(first, operations_[i].end);
    }
    return first;
  }

  const std::vector<Operation>& operations_;
  std::unordered_set<std::string> tried_;
};

}  // namespace

bool IsLinearizable(const std::vector<Operation>& operations, const std::string& initial) {
  return Search(operations).From({}, initial);
}

std::string History::Check() const {
  for (const auto& [key, operations] : operations_) {
    if (IsLinearizable(operations, kNone)) continue;
    std::string text = absl::StrCat("no order explains what happened to ", key, ":\n");
    for (const Operation& operation : operations) {
      absl::StrAppend(&text, "  [", operation.begin, ", ", operation.end, "] ",
                      operation.is_write ? "write " : "read ",
                      operation.value.substr(0, operation.value.find(' ')),
                      operation.is_certain ? "" : " (perhaps)", "\n");
    }
    return text;
  }
  return "";
}

}  // namespace lsm
