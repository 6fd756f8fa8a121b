// The reference of histories: rows that remember all that they ever were, so that a view of any
// moment costs nothing to keep.

#ifndef LSM_TESTS_DB_HISTORY_MODEL_H_
#define LSM_TESTS_DB_HISTORY_MODEL_H_

#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lsm/base/write_batch.h"
#include "tests/db/model.h"

namespace lsm {

class HistoryModel {
 public:
  // A moment: the number of batches up to it.
  using Moment = uint64_t;
  struct Value {
    Moment since;
    bool exists;
    std::string bytes;
  };
  // Of each key that ever was, its values, oldest first. Keys stay, and so do iterators.
  using Rows = std::map<std::string, std::vector<Value>, std::less<>>;
  using Place = Rows::const_iterator;

  HistoryModel() = default;
  explicit HistoryModel(const Model& rows) {
    for (const auto& [key, value] : rows) rows_[key].push_back({0, true, value});
  }

  Moment now() const { return now_; }
  Place none() const { return rows_.end(); }

  void Apply(const WriteBatch& batch) {
    ++now_;
    BatchReader reader(batch.bytes());
    for (WriteOp op; reader.Next(&op);) {
      switch (op.kind) {
        case EntryKind::kPut:
          Set(&rows_.try_emplace(std::string(op.key)).first->second, true, op.value);
          break;
        case EntryKind::kDelete:
          if (const auto found = rows_.find(op.key); found != rows_.end()) {
            Set(&found->second, false, "");
          }
          break;
        case EntryKind::kRangeDelete: {
          const auto end = rows_.lower_bound(op.value);
          for (auto row = rows_.lower_bound(op.key); row != end; ++row) {
            Set(&row->second, false, "");
          }
        }
      }
    }
  }

  // Null where there was none then.
  static const std::string* ValueAt(Place row, Moment moment) {
    const std::vector<Value>& values = row->second;
    for (auto value = values.rbegin(); value != values.rend(); ++value) {
      if (value->since <= moment) return value->exists ? &value->bytes : nullptr;
    }
    return nullptr;
  }
  const std::string* Find(std::string_view key, Moment moment) const {
    const auto row = rows_.find(key);
    return row == rows_.end() ? nullptr : ValueAt(row, moment);
  }

  // The first row of that moment from `key` on, below `upper`; none().
  Place First(std::string_view key, std::string_view upper, Moment moment) const {
    return FirstFrom(rows_.lower_bound(key), upper, moment);
  }
  Place After(Place row, std::string_view upper, Moment moment) const {
    return FirstFrom(std::next(row), upper, moment);
  }
  // The last row of that moment below `bound`, or below or at it; not below `lower`; none().
  Place LastBelow(std::string_view bound, std::string_view lower, Moment moment) const {
    return Before(rows_.lower_bound(bound), lower, moment);
  }
  Place LastUpTo(std::string_view bound, std::string_view lower, Moment moment) const {
    return Before(rows_.upper_bound(bound), lower, moment);
  }
  Place Before(Place row, std::string_view lower, Moment moment) const {
    while (row != rows_.begin()) {
      --row;
      if (row->first < lower) break;
      if (ValueAt(row, moment) != nullptr) return row;
    }
    return none();
  }

 private:
  Place FirstFrom(Place row, std::string_view upper, Moment moment) const {
    for (; row != rows_.end() && row->first < upper; ++row) {
      if (ValueAt(row, moment) != nullptr) return row;
    }
    return none();
  }

  void Set(std::vector<Value>* values, bool exists, std::string_view bytes) const {
    if (!values->empty() && values->back().since == now_) values->pop_back();
    if (!exists && (values->empty() || !values->back().exists)) return;
    values->push_back({now_, exists, std::string(bytes)});
  }

  Rows rows_;
  Moment now_ = 0;
};

}  // namespace lsm

#endif  // LSM_TESTS_DB_HISTORY_MODEL_H_
