// Makes a history that fails small.

#ifndef LSM_TESTS_DB_HISTORY_SHRINK_H_
#define LSM_TESTS_DB_HISTORY_SHRINK_H_

#include <cstddef>
#include <functional>

#include "tests/db/history.h"

namespace lsm {

// Removes pieces, large ones first, and parts of batches, and lowers numbers, while what is left
// still `fails`, which is asked at most `most_runs` times. What it gives has failed, if `history`
// has.
Operations ShrinkHistory(const Operations& history,
                         const std::function<bool(const Operations&)>& fails, size_t most_runs);

}  // namespace lsm

#endif  // LSM_TESTS_DB_HISTORY_SHRINK_H_
