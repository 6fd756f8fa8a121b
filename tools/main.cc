// lsm: the command-line tool. This file reads the command line; tools/cli has the commands.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "capi/lsm.h"
#include "tools/cli/commands.h"
#include "tools/cli/context.h"
#include "tools/cli/system.h"

namespace lsm::cli {
namespace {

// Of a command line that cannot be read.
Status Explain(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> unknown = app.remaining();
  if (app.get_subcommands().empty() && !unknown.empty()) {
    return Status::InvalidArgument(unknown.front() + " is no command; see --help");
  }
  return Status::InvalidArgument(std::string(error.what()) +
                                 "; see --help, and write -- before words that begin with a dash");
}

ExitCode Run(int argc, char** argv) {
  Context context;
  CLI::App app("An embedded, ordered, durable key-value store: load, look, check, compact.", "lsm");
  app.set_version_flag("--version", std::string("lsm ") + lsm_version());
  app.require_subcommand(1);
  app.footer(
      "`lsm COMMAND --help` tells more, with an example. Keys and values are escaped: \\xNN is the "
      "byte with that hex number, \\\\ a backslash.\n"
      "Exit codes: 0 success, 1 not found, 2 wrong usage, 3 corruption, 4 I/O error, 5 locked, 6 "
      "cancelled.");
  AddKeyValueCommands(&app, &context);
  AddLoadExportCommands(&app, &context);
  AddSstCommands(&app, &context);
  AddVerifyCommand(&app, &context);
  AddCompactCommand(&app, &context);
  AddStatsCommands(&app, &context);
  AddWalCommands(&app, &context);
  AddManifestCommands(&app, &context);
  AddBenchCommand(&app, &context);
  AddCompletionCommand(&app, &context);
  AddManualCommand(&app, &context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    context.out().Write(app.help());
    return context.Finish(ExitCode::kSuccess);
  } catch (const CLI::CallForVersion& version) {
    context.out().Write(std::string(version.what()) + "\n");
    return context.Finish(ExitCode::kSuccess);
  } catch (const CLI::ParseError& error) {
    return context.Finish(context.Fail(Explain(app, error)));
  }
  return context.Finish(context.command());
}

}  // namespace
}  // namespace lsm::cli

int main(int argc, char** argv) {
  lsm::cli::PrepareProcess();
  try {
    return static_cast<int>(lsm::cli::Run(argc, argv));
  } catch (const std::bad_alloc&) {
    std::fputs("lsm: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lsm: internal error: %s\n", error.what());
  }
  return static_cast<int>(lsm::cli::ExitCode::kIoError);
}
