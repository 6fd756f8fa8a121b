// verify: every byte of a database that can be checked, every damage told.

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "lsm/db/db.h"
#include "lsm/env/env.h"
#include "tools/cli/commands.h"
#include "tools/cli/damage.h"

namespace lsm::cli {
namespace {

ExitCode Verify(Context* context, const std::string& path) {
  CatchCancelSignals();
  DamageReport report(context);
  ProgressReporter progress(context->progress_mode(), "verify");
  const Status status = VerifyPath(
      Env::Posix(), path,
      [&](const Progress& state) {
        progress.Update({.bytes_done = state.bytes_done,
                         .bytes_total = state.bytes_total,
                         .rows_done = state.entries_done});
        return CancelRequested();
      },
      [&](const Status& damage, std::string_view first_key, std::string_view last_key) {
        progress.Finish();
        report.Add(damage, first_key, last_key);
      });
  progress.Finish();
  const ExitCode code = report.Close(path, status);
  report.Print("verify");
  return code;
}

}  // namespace

// lsm_verify tells the first damage only; people need to know all of it.
void AddVerifyCommand(CLI::App* app, Context* context) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = AddCommand(app, context, "verify",
                                 "Check manifest, tables and log of a database; tell each damaged "
                                 "file, the offset and the keys at "
                                 "stake",
                                 "lsm verify fruit.db", [=] { return Verify(context, *path); });
  command->add_option("DB", *path, "Directory of the database")->required();
}

}  // namespace lsm::cli
