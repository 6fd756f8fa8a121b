// completion: scripts for the shells, made from the commands themselves.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "tools/cli/commands.h"

namespace lsm::cli {
namespace {

struct CommandInfo {
  std::string path;  // "sst dump"; "" for the tool itself
  std::string description;
  std::vector<std::string> subcommands;
  std::vector<const CLI::Option*> options;
};

void Collect(const CLI::App* app, const std::string& path, std::vector<CommandInfo>* commands) {
  CommandInfo info{.path = path, .description = app->get_description()};
  for (const CLI::Option* option : app->get_options()) {
    if (option->nonpositional()) info.options.push_back(option);
  }
  const std::vector<const CLI::App*> children =
      app->get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* child : children) info.subcommands.push_back(child->get_name());
  commands->push_back(std::move(info));
  for (const CLI::App* child : children) {
    Collect(child, path.empty() ? child->get_name() : absl::StrCat(path, " ", child->get_name()),
            commands);
  }
}

// "--from" of the option, with its dashes.
std::string NameOf(const CLI::Option* option) {
  return option->get_lnames().empty() ? "-" + option->get_snames().front()
                                      : "--" + option->get_lnames().front();
}

// The words that may follow a command: its subcommands, else its options.
std::string WordsAfter(const CommandInfo& command) {
  if (!command.subcommands.empty()) return absl::StrJoin(command.subcommands, " ");
  return absl::StrJoin(command.options, " ", [](std::string* out, const CLI::Option* option) {
    out->append(NameOf(option));
  });
}

// Everything that is no option completes as a file name: databases are directories.
std::string BashScript(const std::vector<CommandInfo>& commands) {
  std::string script =
      "_lsm() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} command= word words=\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"${command:+$command }$word\" in\n";
  std::vector<std::string> paths;
  for (const CommandInfo& command : commands) {
    if (!command.path.empty()) paths.push_back(absl::StrCat("'", command.path, "'"));
  }
  absl::StrAppend(&script, "      ", absl::StrJoin(paths, "|"),
                  ") command=\"${command:+$command }$word\" ;;\n"
                  "    esac\n"
                  "  done\n"
                  "  case \"$command\" in\n");
  for (const CommandInfo& command : commands) {
    absl::StrAppend(&script, "    '", command.path, "') words='", WordsAfter(command), "'");
    // After a command that has none of its own, only options start with a dash.
    absl::StrAppend(&script,
                    command.subcommands.empty()
                        ? " ;;\n"
                        : "; COMPREPLY=($(compgen -W \"$words\" -- \"$current\")); return ;;\n");
  }
  script +=
      "  esac\n"
      "  if [[ $current == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "  else\n"
      "    compopt -o filenames 2>/dev/null\n"
      "    local IFS=$'\\n'\n"
      "    COMPREPLY=($(compgen -f -- \"$current\"))\n"
      "  fi\n"
      "}\n"
      "complete -F _lsm lsm\n";
  return script;
}

// zsh runs bash's completions.
std::string ZshScript(const std::vector<CommandInfo>& commands) {
  return absl::StrCat("#compdef lsm\nautoload -U +X bashcompinit && bashcompinit\n",
                      BashScript(commands));
}

std::string FishQuoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

// The condition under which a word of the command may come.
std::string FishCondition(const CommandInfo& command) {
  if (command.path.empty()) return "__fish_use_subcommand";
  std::vector<std::string> conditions;
  std::string::size_type begin = 0;
  while (begin <= command.path.size()) {
    const auto end = std::min(command.path.find(' ', begin), command.path.size());
    conditions.push_back("__fish_seen_subcommand_from " + command.path.substr(begin, end - begin));
    begin = end + 1;
  }
  if (!command.subcommands.empty()) {
    conditions.push_back("not __fish_seen_subcommand_from " +
                         absl::StrJoin(command.subcommands, " "));
  }
  return absl::StrJoin(conditions, "; and ");
}

std::string FishScript(const std::vector<CommandInfo>& commands) {
  std::string script;
  for (const CommandInfo& command : commands) {
    const std::string condition = FishQuoted(FishCondition(command));
    for (const CommandInfo& child : commands) {
      const std::string prefix = command.path.empty() ? "" : command.path + " ";
      const bool is_child = child.path.size() > prefix.size() && child.path.starts_with(prefix) &&
                            child.path.find(' ', prefix.size()) == std::string::npos;
      if (!is_child) continue;
      absl::StrAppend(&script, "complete -c lsm -f -n ", condition, " -a ",
                      child.path.substr(prefix.size()), " -d ", FishQuoted(child.description),
                      "\n");
    }
    for (const CLI::Option* option : command.options) {
      if (option->get_lnames().empty()) continue;
      absl::StrAppend(&script, "complete -c lsm -n ", condition, " -l ",
                      option->get_lnames().front(),
                      option->get_items_expected_max() > 0 ? " -r" : "", " -d ",
                      FishQuoted(option->get_description()), "\n");
    }
  }
  return script;
}

ExitCode Completion(const CLI::App* app, Context* context, const std::string& shell) {
  std::vector<CommandInfo> commands;
  Collect(app, "", &commands);
  context->out().Write(shell == "bash"  ? BashScript(commands)
                       : shell == "zsh" ? ZshScript(commands)
                                        : FishScript(commands));
  return ExitCode::kSuccess;
}

}  // namespace

void AddCompletionCommand(CLI::App* app, Context* context) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command =
      AddCommand(app, context, "completion", "Print the completion script of a shell",
                 "source <(lsm completion bash)", [=] { return Completion(app, context, *shell); });
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

}  // namespace lsm::cli
