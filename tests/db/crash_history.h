// What was written to a database, in order, and how much of it no crash may take back: the oracle
// of tests that crash.

#ifndef LSM_TESTS_DB_CRASH_HISTORY_H_
#define LSM_TESTS_DB_CRASH_HISTORY_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lsm/db/db.h"
#include "tests/db/model.h"

namespace lsm {

// Its value is the number of the last batch that was written.
inline constexpr char kMarker[] = "marker";

inline uint64_t MarkerOf(const Model& rows) {
  const auto found = rows.find(kMarker);
  uint64_t number = 0;
  if (found != rows.end() && !absl::SimpleAtoi(found->second, &number)) return UINT64_MAX;
  return number;
}

// How two states differ, or "".
inline std::string Difference(const Model& rows, const Model& expected) {
  for (const auto& [key, value] : expected) {
    const auto found = rows.find(key);
    if (found == rows.end()) return absl::StrCat("lacks ", key);
    if (found->second != value) return absl::StrCat("has another value for ", key);
  }
  for (const auto& [key, value] : rows) {
    if (!expected.contains(key)) return absl::StrCat("has ", key, ", which should not be there");
  }
  return "";
}

// Batches of one operation go the way of single writes.
inline Status WriteToDb(Db* db, const WriteBatch& batch, bool sync) {
  WriteOp op;
  BatchReader reader(batch.bytes());
  const bool single = batch.count() == 1 && reader.Next(&op) && op.kind != EntryKind::kRangeDelete;
  return single ? db->Write(op, sync) : db->Write(batch, sync);
}

// The writes since a state that is durable, in order. One thread adds; any may ask how many.
class History {
 public:
  // The state that no loss of power takes back. REQUIRES: nothing was added.
  void StartFrom(Model rows) {
    base_ = std::move(rows);
    first_ = MarkerOf(base_);
  }
  uint64_t next_number() const { return first_ + batches_.size() + 1; }

  // `marked`: it puts next_number() under kMarker.
  Status Write(Db* db, WriteBatch batch, bool marked, bool sync) {
    batches_.push_back({std::move(batch), marked});
    const WriteBatch& added = batches_.back().batch;
    started_.store(batches_.size());
    LSM_RETURN_IF_ERROR(WriteToDb(db, added, sync));
    if (sync) AllIsDurable();
    return Status::Ok();
  }
  void AllIsDurable() { durable_.store(batches_.size()); }

  size_t started() const { return started_.load(); }
  size_t durable() const { return durable_.load(); }

  Model StateAfter(size_t writes) const {
    Model model = base_;
    for (size_t i = 0; i < writes; ++i) ApplyToModel(batches_[i].batch, &model);
    return model;
  }
  // "", or what is wrong where `rows` are not the state after at least `durable` and at most
  // `started` writes.
  std::string Check(const Model& rows, size_t durable, size_t started) const {
    const uint64_t marker = MarkerOf(rows);
    const auto numbers = [&] {
      return absl::StrCat("; the marker is ", marker, ", expected ", first_ + durable, " to ",
                          first_ + started, " writes: ");
    };
    if (marker < first_ || marker - first_ > started) return "the marker is wrong" + numbers();
    size_t writes = marker - first_;
    Model model = StateAfter(writes);
    std::string difference;
    while (true) {
      const std::string now = Difference(rows, model);
      if (now.empty() && writes >= durable) return "";
      if (now.empty()) difference = absl::StrCat("only ", first_ + writes, " writes are there");
      if (difference.empty()) difference = now;
      if (writes == started || batches_[writes].marked) break;
      ApplyToModel(batches_[writes++].batch, &model);
    }
    return "the state is none that there was" + numbers() + difference;
  }

 private:
  struct Entry {
    WriteBatch batch;
    bool marked;
  };
  Model base_;
  uint64_t first_ = 0;  // the marker in base_
  std::vector<Entry> batches_;
  std::atomic<size_t> started_{0};
  std::atomic<size_t> durable_{0};
};

}  // namespace lsm

#endif  // LSM_TESTS_DB_CRASH_HISTORY_H_
