// The texts that lsm_property gives, and the reporting of progress.

#ifndef LSM_DB_PROPERTIES_H_
#define LSM_DB_PROPERTIES_H_

#include <string>
#include <string_view>

#include "lsm/base/status.h"
#include "lsm/db/background.h"
#include "lsm/db/context.h"
#include "lsm/db/db.h"

namespace lsm {

// `background` is null where the database is read-only.
//
//   stats          JSON: operations, bytes, latencies, stalls, write amplification, errors
//   levels         JSON: level -> runs -> tables
//   memory         JSON: what takes how much
//   estimate-keys  a number: entries less deletions, versions counted
Result<std::string> DescribeProperty(const DbContext& context, const Background* background,
                                     std::string_view name);

// Turns the engine's counters into the progress that a caller was promised: phases and counters
// never go back, bytes_done <= bytes_total.
class ProgressReporter {
 public:
  explicit ProgressReporter(const ProgressFn& progress) : progress_(progress) {}

  // Phase 0; kAborted where the caller cancels.
  Status BeginFlush();
  // Phase 1; true cancels.
  bool ReportMerge(const MergeProgress& merge);
  // The end of phase 1.
  Status Finish();

 private:
  Status Report();

  const ProgressFn& progress_;
  Progress last_;
};

}  // namespace lsm

#endif  // LSM_DB_PROPERTIES_H_
