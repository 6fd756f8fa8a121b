// Runs a history (history.h) against a database and a model of it, and says where they part.
//
// Histories with crashes run on a simulated disk whose work in the background is done between the
// operations, so that they are the same each time; the others on files in memory, with the engine's
// own threads.

#ifndef LSM_TESTS_DB_HISTORY_RUNNER_H_
#define LSM_TESTS_DB_HISTORY_RUNNER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lsm/db/db.h"
#include "tests/db/history.h"

namespace lsm {

// Options that every history must answer the same under, beside sizes so small that a thousand
// operations cross every path.
struct HistorySetting {
  const char* name;
  std::vector<std::pair<const char*, const char*>> options;
};
std::span<const HistorySetting> HistorySettings();

// For tests of the test.
struct HistoryTweaks {
  // What stands between the history and each database that was opened.
  std::function<std::shared_ptr<Db>(std::shared_ptr<Db>)> decorate;
  // The disk lies about syncs whose words contain this (SimDisk::LieAbout).
  std::string lie;
};

// "" or the operation after which the database and the model differ, and in what. `setting` is an
// index into HistorySettings().
std::string RunHistory(const Operations& history, size_t setting, const HistoryTweaks& tweaks = {});

}  // namespace lsm

#endif  // LSM_TESTS_DB_HISTORY_RUNNER_H_
