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
#include "tools/cli/command_tree.h"
#include "tools/cli/commands.h"

namespace lsm::cli {
namespace {

std::string SubcommandsOf(const CommandInfo& command) {
  return absl::StrJoin(command.subcommands, " ", [](std::string* out, const CLI::App* child) {
    out->append(child->get_name());
  });
}

std::string OptionsOf(const CommandInfo& command) {
  return absl::StrJoin(command.options, " ", [](std::string* out, const CLI::Option* option) {
    out->append(NameOf(option));
  });
}

std::string Quoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

// 'put'|'get'|'sst'|'sst dump'
std::string Paths(const std::vector<CommandInfo>& commands) {
  std::vector<std::string> paths;
  for (const CommandInfo& command : commands) {
    if (!command.path.empty()) paths.push_back(Quoted(command.path));
  }
  return absl::StrJoin(paths, "|");
}

// The rest of the loop over the words so far, in which bash and zsh do not differ: `command`
// becomes the command that they name.
std::string FindCommand(const std::vector<CommandInfo>& commands) {
  return absl::StrCat(
      "    case \"${command:+$command }$word\" in\n"
      "      ",
      Paths(commands),
      ") command=\"${command:+$command }$word\" ;;\n"
      "    esac\n"
      "  done\n");
}

// Everything that is no option completes as a file name: databases are directories.
std::string BashScript(const std::vector<CommandInfo>& commands) {
  std::string script = absl::StrCat(
      "_lsm() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} command= word options= subcommands=\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n",
      FindCommand(commands), "  case \"$command\" in\n");
  for (const CommandInfo& command : commands) {
    absl::StrAppend(&script, "    ", Quoted(command.path), ") options=", Quoted(OptionsOf(command)),
                    command.subcommands.empty() ? "" : " subcommands=",
                    command.subcommands.empty() ? "" : Quoted(SubcommandsOf(command)), " ;;\n");
  }
  script +=
      "  esac\n"
      "  if [[ $current == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
      "  elif [[ $subcommands ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$subcommands\" -- \"$current\"))\n"
      "  else\n"
      "    compopt -o filenames 2>/dev/null\n"
      "    local IFS=$'\\n'\n"
      "    COMPREPLY=($(compgen -f -- \"$current\"))\n"
      "  fi\n"
      "}\n"
      "complete -F _lsm lsm\n";
  return script;
}

// A word and what it means, as _describe takes them.
std::string Described(const std::string& word, const std::string& description) {
  return Quoted(absl::StrCat(absl::StrReplaceAll(word, {{":", "\\:"}}), ":", description));
}

// Serves as a file _lsm in fpath, which zsh runs as the function at the first completion, and when
// it is sourced.
std::string ZshScript(const std::vector<CommandInfo>& commands) {
  std::string script = absl::StrCat(
      "#compdef lsm\n"
      "_lsm() {\n"
      "  local command= word\n"
      "  local -a options subcommands\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n",
      FindCommand(commands), "  case \"$command\" in\n");
  for (const CommandInfo& command : commands) {
    absl::StrAppend(&script, "    ", Quoted(command.path), ")\n      options=(");
    for (const CLI::Option* option : command.options) {
      absl::StrAppend(&script, "\n        ", Described(NameOf(option), option->get_description()));
    }
    absl::StrAppend(&script, ")\n");
    if (!command.subcommands.empty()) {
      absl::StrAppend(&script, "      subcommands=(");
      for (const CLI::App* child : command.subcommands) {
        absl::StrAppend(&script, "\n        ",
                        Described(child->get_name(), child->get_description()));
      }
      absl::StrAppend(&script, ")\n");
    }
    absl::StrAppend(&script, "      ;;\n");
  }
  script +=
      "  esac\n"
      "  if [[ $PREFIX == -* ]]; then\n"
      "    _describe -o option options\n"
      "  elif (( $#subcommands )); then\n"
      "    _describe command subcommands\n"
      "  else\n"
      "    _files\n"
      "  fi\n"
      "}\n"
      "if [[ ${funcstack[1]} == _lsm ]]; then\n"
      "  _lsm \"$@\"\n"
      "else\n"
      "  compdef _lsm lsm\n"
      "fi\n";
  return script;
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
    conditions.push_back("not __fish_seen_subcommand_from " + SubcommandsOf(command));
  }
  return absl::StrJoin(conditions, "; and ");
}

std::string FishScript(const std::vector<CommandInfo>& commands) {
  std::string script;
  for (const CommandInfo& command : commands) {
    const std::string condition = FishQuoted(FishCondition(command));
    for (const CLI::App* child : command.subcommands) {
      absl::StrAppend(&script, "complete -c lsm -f -n ", condition, " -a ", child->get_name(),
                      " -d ", FishQuoted(child->get_description()), "\n");
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
  const std::vector<CommandInfo> commands = CollectCommands(app);
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
