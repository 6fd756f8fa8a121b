// Views of a database held against the same views of its model. What differs is kInternal and says
// what; any other failure is the database's own.

#ifndef LSM_TESTS_DB_HISTORY_VIEW_H_
#define LSM_TESTS_DB_HISTORY_VIEW_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/db/db.h"
#include "tests/db/history_model.h"

namespace lsm {

// A scan and the place in the model where it should stand. Each move checks the answer.
class HistoryIterator {
 public:
  using Moment = HistoryModel::Moment;

  // `snapshot` (null: now) is of that moment. The model outlives the iterator, and changes.
  static Result<std::unique_ptr<HistoryIterator>> Open(Db* db, const Snapshot* snapshot,
                                                       const HistoryModel* model, Moment moment,
                                                       std::string_view lower,
                                                       std::string_view upper);

  bool on_row() const { return row_ != model_->none(); }
  Status SeekFirst();
  Status SeekLast();
  Status Seek(std::string_view key);
  Status SeekForPrev(std::string_view key);
  Status Next();
  Status Prev();
  Status NextN(size_t count);

 private:
  HistoryIterator(std::unique_ptr<Scan> scan, const HistoryModel* model, Moment moment,
                  std::string_view lower, std::string_view upper)
      : scan_(std::move(scan)),
        model_(model),
        moment_(moment),
        lower_(lower),
        upper_(upper),
        row_(model->none()) {}

  Status StandOn(HistoryModel::Place row, const Status& answer);
  // What a move off a row must answer.
  Status CheckOffRow(const Status& answer) const;

  const std::unique_ptr<Scan> scan_;
  const HistoryModel* const model_;
  const Moment moment_;
  const std::string lower_;
  const std::string upper_;
  bool positioned_ = false;
  HistoryModel::Place row_;  // none() where it stands on none
  std::vector<Scan::Row> rows_;
};

// A get.
Status CheckGet(Db* db, const Snapshot* snapshot, const HistoryModel& model,
                HistoryModel::Moment moment, std::string_view key);
// All rows of a range: forward, backward, and many at once.
Status CheckRows(Db* db, const Snapshot* snapshot, const HistoryModel& model,
                 HistoryModel::Moment moment, KeyRangeView range);

}  // namespace lsm

#endif  // LSM_TESTS_DB_HISTORY_VIEW_H_
