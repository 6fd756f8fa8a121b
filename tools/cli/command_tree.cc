#include "tools/cli/command_tree.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lsm::cli {
namespace {

void Collect(const CLI::App* app, const std::string& path, std::vector<CommandInfo>* commands) {
  CommandInfo info{.app = app, .path = path, .description = app->get_description()};
  for (const CLI::Option* option : app->get_options()) {
    (option->nonpositional() ? info.options : info.positionals).push_back(option);
  }
  info.subcommands = app->get_subcommands([](const CLI::App*) { return true; });
  const std::vector<const CLI::App*> children = info.subcommands;
  commands->push_back(std::move(info));
  for (const CLI::App* child : children) {
    Collect(child, path.empty() ? child->get_name() : absl::StrCat(path, " ", child->get_name()),
            commands);
  }
}

}  // namespace

std::vector<CommandInfo> CollectCommands(const CLI::App* app) {
  std::vector<CommandInfo> commands;
  Collect(app, "", &commands);
  return commands;
}

std::string NameOf(const CLI::Option* option) {
  return option->get_lnames().empty() ? "-" + option->get_snames().front()
                                      : "--" + option->get_lnames().front();
}

}  // namespace lsm::cli
