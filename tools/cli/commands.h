// The families of commands. Each function adds its commands to `app`; a command that was chosen
// stands in context->command after the parse.

#ifndef LSM_TOOLS_CLI_COMMANDS_H_
#define LSM_TOOLS_CLI_COMMANDS_H_

#include "tools/cli/context.h"

namespace lsm::cli {

void AddKeyValueCommands(CLI::App* app, Context* context);    // put get delete scan flush
void AddLoadExportCommands(CLI::App* app, Context* context);  // load export
void AddSstCommands(CLI::App* app, Context* context);         // sst dump|info|verify
void AddVerifyCommand(CLI::App* app, Context* context);
void AddCompactCommand(CLI::App* app, Context* context);
void AddStatsCommands(CLI::App* app, Context* context);     // stats levels
void AddWalCommands(CLI::App* app, Context* context);       // wal dump
void AddManifestCommands(CLI::App* app, Context* context);  // manifest dump
void AddBenchCommand(CLI::App* app, Context* context);
// These read all commands from `app` when they run.
void AddCompletionCommand(CLI::App* app, Context* context);
void AddManualCommand(CLI::App* app, Context* context);

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_COMMANDS_H_
