#include "tests/db/history_view.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace lsm {
namespace {

constexpr size_t kShown = 60;  // bytes of a key or value, in messages

std::string Shown(std::string_view bytes) {
  return absl::StrCat("\"", absl::CHexEscape(bytes.substr(0, kShown)), "\"",
                      bytes.size() > kShown ? absl::StrCat(" (", bytes.size(), " bytes)") : "");
}

Status Differs(std::string_view expected, std::string_view got) {
  return Status::Internal(absl::StrCat("expected ", expected, ", got ", got));
}

Status CheckRow(HistoryModel::Place row, HistoryModel::Moment moment, std::string_view key,
                std::string_view value) {
  if (key != row->first) return Differs("row " + Shown(row->first), "row " + Shown(key));
  const std::string& expected = *HistoryModel::ValueAt(row, moment);
  if (value == expected) return Status::Ok();
  return Differs(absl::StrCat("value ", Shown(expected), " of ", Shown(key)), Shown(value));
}

std::string_view BytesOf(const void* data, size_t size) {
  return {static_cast<const char*>(data), size};
}

}  // namespace

Result<std::unique_ptr<HistoryIterator>> HistoryIterator::Open(Db* db, const Snapshot* snapshot,
                                                               const HistoryModel* model,
                                                               Moment moment,
                                                               std::string_view lower,
                                                               std::string_view upper) {
  LSM_ASSIGN_OR_RETURN(auto scan, db->NewScan(snapshot, {lower, upper}));
  return std::unique_ptr<HistoryIterator>(
      new HistoryIterator(std::move(scan), model, moment, lower, upper));
}

Status HistoryIterator::StandOn(HistoryModel::Place row, const Status& answer) {
  positioned_ = true;
  row_ = row;
  if (!on_row()) return CheckOffRow(answer);
  if (answer.Is(Code::kEnd)) return Differs("row " + Shown(row_->first), "the end");
  LSM_RETURN_IF_ERROR(answer);
  return CheckRow(row_, moment_, scan_->key(), scan_->value());
}

Status HistoryIterator::CheckOffRow(const Status& answer) const {
  if (answer.ok()) return Differs("the end", "row " + Shown(scan_->key()));
  if (!answer.Is(positioned_ ? Code::kEnd : Code::kInvalidArgument)) return answer;
  if (scan_->key().data() == nullptr && scan_->value().data() == nullptr) return Status::Ok();
  return Differs("no key at the end", Shown(scan_->key()));
}

Status HistoryIterator::SeekFirst() {
  return StandOn(model_->First(lower_, upper_, moment_), scan_->SeekFirst());
}

Status HistoryIterator::SeekLast() {
  return StandOn(model_->LastBelow(upper_, lower_, moment_), scan_->SeekLast());
}

Status HistoryIterator::Seek(std::string_view key) {
  const std::string_view from = std::max<std::string_view>(key, lower_);
  return StandOn(model_->First(from, upper_, moment_), scan_->Seek(key));
}

Status HistoryIterator::SeekForPrev(std::string_view key) {
  const auto row = key < upper_ ? model_->LastUpTo(key, lower_, moment_)
                                : model_->LastBelow(upper_, lower_, moment_);
  return StandOn(row, scan_->SeekForPrev(key));
}

Status HistoryIterator::Next() {
  if (!on_row()) return CheckOffRow(scan_->Next());
  return StandOn(model_->After(row_, upper_, moment_), scan_->Next());
}

Status HistoryIterator::Prev() {
  if (!on_row()) return CheckOffRow(scan_->Prev());
  return StandOn(model_->Before(row_, lower_, moment_), scan_->Prev());
}

Status HistoryIterator::NextN(size_t count) {
  rows_.resize(count);
  size_t given = 0;
  const Status answer = scan_->NextN(rows_, &given);
  if (!on_row()) {
    if (answer.ok() || given > 0) return Differs("no more rows", absl::StrCat(given));
    return CheckOffRow(answer);
  }
  if (!answer.ok() && !answer.Is(Code::kEnd)) return answer;
  if (given > count) return Differs(absl::StrCat("at most ", count, " rows"), absl::StrCat(given));
  for (size_t i = 0; i < given; ++i) {
    if (!on_row()) return Differs(absl::StrCat(i, " rows"), absl::StrCat(given));
    LSM_RETURN_IF_ERROR(CheckRow(row_, moment_, BytesOf(rows_[i].key, rows_[i].key_size),
                                 BytesOf(rows_[i].value, rows_[i].value_size)));
    row_ = model_->After(row_, upper_, moment_);
  }
  if (given < count && on_row()) {
    return Differs("more rows, " + Shown(row_->first), absl::StrCat("just ", given));
  }
  if (answer.ok() != (given == count)) {
    return Differs(absl::StrCat("OK with all of ", count, " rows, else the end"),
                   absl::StrCat(given, " with ", answer.ToString()));
  }
  return on_row() ? CheckRow(row_, moment_, scan_->key(), scan_->value())
                  : CheckOffRow(Status::End());
}

Status CheckGet(Db* db, const Snapshot* snapshot, const HistoryModel& model,
                HistoryModel::Moment moment, std::string_view key) {
  const std::string* const expected = model.Find(key, moment);
  EpochGuard guard;
  Db::Value value;
  const Status answer = db->Get(snapshot, key, &value);
  if (!answer.ok() && !answer.Is(Code::kNotFound)) return answer;
  if (answer.ok() != (expected != nullptr)) {
    return Differs(expected == nullptr ? "no row" : Shown(*expected),
                   answer.ok() ? Shown(value.data) : "no row");
  }
  if (expected == nullptr || value.data == *expected) return Status::Ok();
  return Differs(Shown(*expected), Shown(value.data));
}

Status CheckRows(Db* db, const Snapshot* snapshot, const HistoryModel& model,
                 HistoryModel::Moment moment, KeyRangeView range) {
  constexpr size_t kRowsAtOnce = 7;
  LSM_ASSIGN_OR_RETURN(const auto iterator,
                       HistoryIterator::Open(db, snapshot, &model, moment, range.begin, range.end));
  LSM_RETURN_IF_ERROR(iterator->SeekFirst());
  while (iterator->on_row()) LSM_RETURN_IF_ERROR(iterator->Next());
  LSM_RETURN_IF_ERROR(iterator->SeekLast());
  while (iterator->on_row()) LSM_RETURN_IF_ERROR(iterator->Prev());
  LSM_RETURN_IF_ERROR(iterator->SeekFirst());
  while (iterator->on_row()) LSM_RETURN_IF_ERROR(iterator->NextN(kRowsAtOnce));
  return Status::Ok();
}

}  // namespace lsm
