// The reference that the database is held against: a sorted map that remembers its past.

#ifndef LSM_TESTS_DB_MODEL_H_
#define LSM_TESTS_DB_MODEL_H_

#include <map>
#include <string>
#include <string_view>

#include "lsm/base/write_batch.h"

namespace lsm {

using Model = std::map<std::string, std::string, std::less<>>;

inline void ApplyToModel(const WriteOp& op, Model* model) {
  switch (op.kind) {
    case EntryKind::kPut:
      (*model)[std::string(op.key)] = op.value;
      break;
    case EntryKind::kDelete:
      if (auto found = model->find(op.key); found != model->end()) model->erase(found);
      break;
    case EntryKind::kRangeDelete:
      model->erase(model->lower_bound(op.key), model->lower_bound(op.value));
      break;
  }
}

inline void ApplyToModel(const WriteBatch& batch, Model* model) {
  BatchReader reader(batch.bytes());
  for (WriteOp op; reader.Next(&op);) ApplyToModel(op, model);
}

}  // namespace lsm

#endif  // LSM_TESTS_DB_MODEL_H_
