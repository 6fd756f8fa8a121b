// manual: the page lsm(1), made from the commands themselves and from the table of options.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "capi/lsm.h"
#include "tools/cli/command_tree.h"
#include "tools/cli/commands.h"

namespace lsm::cli {
namespace {

constexpr char kCommonGroup[] = "Common options";

// Text as roff takes it for itself: its lines begin with no request.
std::string Roff(const std::string& text) {
  const std::string escaped = absl::StrReplaceAll(
      text, {{"\\", "\\e"}, {"-", "\\-"}, {"\n.", "\n\\&."}, {"\n'", "\n\\&'"}});
  const bool request = escaped.starts_with('.') || escaped.starts_with('\'');
  return absl::StrCat(request ? "\\&" : "", escaped);
}

// "one of auto, json, none" of {auto,json,none}; "" where every value is taken. CLI11 joins what a
// value must be to the name of its type.
std::string Accepted(const std::string& type_name) {
  const std::string::size_type colon = type_name.find(':');
  return colon == std::string::npos ? "" : type_name.substr(colon + 1);
}

void AppendOption(const CLI::Option* option, std::string* page) {
  absl::StrAppend(page, ".TP\n");
  if (option->nonpositional()) {
    absl::StrAppend(page, ".B ");
    for (const std::string& name : option->get_snames()) {
      absl::StrAppend(page, "\\-", Roff(name), option->get_lnames().empty() ? "" : ", ");
    }
    if (!option->get_lnames().empty()) absl::StrAppend(page, Roff(NameOf(option)));
  } else {
    absl::StrAppend(page, ".I ", Roff(option->get_name(true)));
  }
  const std::string type = option->get_type_name();
  if (option->nonpositional() && option->get_items_expected_max() > 0) {
    absl::StrAppend(page, " \\fI", Roff(type.substr(0, type.find(':'))), "\\fR");
  }
  absl::StrAppend(page, "\n", Roff(option->get_description()));
  const std::string accepted = Accepted(type);
  if (!accepted.empty()) absl::StrAppend(page, " (", Roff(accepted), ")");
  if (!option->get_default_str().empty()) {
    absl::StrAppend(page, "; default ", Roff(option->get_default_str()));
  }
  absl::StrAppend(page, "\n");
}

void AppendCommand(const CommandInfo& command, std::string* page) {
  if (!command.subcommands.empty()) return;
  absl::StrAppend(page, ".SS lsm ", Roff(command.path));
  for (const CLI::Option* positional : command.positionals) {
    const bool many = positional->get_items_expected_max() > 1;
    const std::string name = positional->get_name(true) + (many ? "..." : "");
    absl::StrAppend(page, " ", positional->get_required() ? name : absl::StrCat("[", name, "]"));
  }
  absl::StrAppend(page, "\n", Roff(command.description), "\n");
  for (const CLI::Option* positional : command.positionals) AppendOption(positional, page);
  for (const CLI::Option* option : command.options) {
    if (option->get_group() != kCommonGroup && NameOf(option) != "--help") {
      AppendOption(option, page);
    }
  }
  absl::StrAppend(page, ".PP\n.nf\n", Roff(command.app->get_footer()), "\n.fi\n");
}

// Of a command that is named, the options that all take.
void AppendCommonOptions(const std::vector<CommandInfo>& commands, std::string* page) {
  for (const CommandInfo& command : commands) {
    if (!command.subcommands.empty()) continue;
    for (const CLI::Option* option : command.options) {
      if (option->get_group() == kCommonGroup || NameOf(option) == "--help") {
        AppendOption(option, page);
      }
    }
    return;
  }
}

void AppendEngineOptions(std::string* page) {
  for (size_t i = 0; i < lsm_option_count(); ++i) {
    const lsm_option* option = lsm_option_info(i);
    absl::StrAppend(page, ".TP\n.B ", Roff(option->name), "\n", Roff(option->summary), "\n",
                    "Type ", Roff(option->type), "; default ", Roff(option->default_value));
    if (option->minimum[0] != '\0') {
      absl::StrAppend(page, "; from ", Roff(option->minimum), " to ", Roff(option->maximum));
    }
    if (option->unit[0] != '\0') absl::StrAppend(page, "; without a unit, ", Roff(option->unit));
    absl::StrAppend(page, ".\n");
  }
}

constexpr char kExitStatus[] =
    ".SH EXIT STATUS\n"
    ".TP\n0\nSuccess; also when the reader of a pipe went away.\n"
    ".TP\n1\nLooked for and not there.\n"
    ".TP\n2\nWrong usage, a bad escape, a malformed row, a key or value over the limits.\n"
    ".TP\n3\nCorruption found, or a file that is not what it should be.\n"
    ".TP\n4\nI/O error, no space, no database there, a format newer than the tool; standard output "
    "that cannot be written.\n"
    ".TP\n5\nLocked by another process.\n"
    ".TP\n6\nCancelled by SIGINT or SIGTERM, the database whole.\n";

ExitCode Manual(const CLI::App* app, Context* context) {
  const std::vector<CommandInfo> commands = CollectCommands(app);
  std::string page = absl::StrCat(
      ".TH LSM 1 \"\" \"lsm ", lsm_version(), "\" \"User Commands\"\n", ".SH NAME\n",
      "lsm \\- load, read, check and compact lsm databases\n", ".SH SYNOPSIS\n.B lsm\n",
      "\\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n.br\n.B lsm\n", "\\-\\-version\n",
      ".SH DESCRIPTION\n", Roff(app->get_description()), "\n.PP\n",
      "Data goes to standard output, everything else to standard error. ",
      "A command that only looks neither creates nor changes anything.\n.PP\n",
      Roff("Bytes print as text: a backslash as \\\\, control characters, the double quote and "
           "whatever is no valid UTF-8 as \\xNN. Arguments and files are read by the same rule. "
           "An empty bound is given as its own word (--from ''); words that begin with a dash "
           "follow --."),
      "\n.SH COMMANDS\n");
  for (const CommandInfo& command : commands) AppendCommand(command, &page);
  page += ".SH COMMON OPTIONS\nEvery command takes these.\n";
  AppendCommonOptions(commands, &page);
  for (const CLI::Option* option : commands.front().options) {
    if (NameOf(option) != "--help") AppendOption(option, &page);
  }
  page += ".SH ENGINE OPTIONS\nThese are given as \\-\\-option \\fINAME\\fR=\\fIVALUE\\fR.\n";
  AppendEngineOptions(&page);
  absl::StrAppend(&page, kExitStatus, ".SH SEE ALSO\n.BR lsm (3)\n");
  context->out().Write(page);
  return ExitCode::kSuccess;
}

}  // namespace

void AddManualCommand(CLI::App* app, Context* context) {
  AddCommand(app, context, "manual", "Print the manual page lsm(1), as roff",
             "lsm manual | man -l -", [=] { return Manual(app, context); });
}

}  // namespace lsm::cli
