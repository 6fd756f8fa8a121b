// What a verification found, told as it goes for people and at the end as JSON.

#ifndef LSM_TOOLS_CLI_DAMAGE_H_
#define LSM_TOOLS_CLI_DAMAGE_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lsm/base/status.h"
#include "tools/cli/context.h"

namespace lsm::cli {

class DamageReport {
 public:
  explicit DamageReport(Context* context) : context_(context) {}

  // A damage, with the keys at stake (both empty: not known).
  void Add(const Status& status, std::string_view first_key, std::string_view last_key);
  // The verification of `path` ended with `status`, its damages told: says that it is sound, or why
  // it could not be looked at. Returns the exit code for it.
  ExitCode Close(const std::string& path, const Status& status);
  // As JSON: the whole report.
  void Print(const char* command);

 private:
  Context* context_;
  nlohmann::ordered_json damages_ = nlohmann::ordered_json::array();
  nlohmann::ordered_json sound_ = nlohmann::ordered_json::array();
  // Of the damages told since the last Close.
  ExitCode worst_ = ExitCode::kSuccess;
};

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_DAMAGE_H_
