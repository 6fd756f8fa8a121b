// The commands as data, for what is made from them: completions and the manual page.

#ifndef LSM_TOOLS_CLI_COMMAND_TREE_H_
#define LSM_TOOLS_CLI_COMMAND_TREE_H_

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace lsm::cli {

struct CommandInfo {
  const CLI::App* app;
  std::string path;  // "sst dump"; "" for the tool itself
  std::string description;
  std::vector<const CLI::App*> subcommands;
  std::vector<const CLI::Option*> options;
  std::vector<const CLI::Option*> positionals;
};

// The tool itself, then all commands, each before its subcommands.
std::vector<CommandInfo> CollectCommands(const CLI::App* app);

// "--from" of the option, with its dashes.
std::string NameOf(const CLI::Option* option);

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_COMMAND_TREE_H_
