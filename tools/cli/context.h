// What every command shares: the options that all take, the output, the exit codes and the way
// errors are told.

#ifndef LSM_TOOLS_CLI_CONTEXT_H_
#define LSM_TOOLS_CLI_CONTEXT_H_

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/base/status.h"
#include "tools/cli/progress.h"
#include "tools/cli/system.h"

namespace CLI {
class App;
}

namespace lsm::cli {

// A promise to scripts.
enum class ExitCode : int {
  kSuccess = 0,
  kNotFound = 1,
  kUsage = 2,
  kCorruption = 3,
  kIoError = 4,
  kLocked = 5,
  kCancelled = 6,
};

ExitCode ExitCodeOf(const Status& status);
// "message (file FILE, offset N)", safe to print; the file is left out where the message names it.
std::string Describe(const Status& status);
// What a command that met both answers: corruption weighs more than anything, success least.
ExitCode Worse(ExitCode a, ExitCode b);

// Of every JSON document (tools/README.md).
inline constexpr int kJsonSchema = 1;

class Context {
 public:
  Context() : out_(kStdout, "standard output") {}

  // Set by the command line.
  bool json = false;
  std::vector<std::string> engine_options;  // name=value
  std::string progress = "auto";

  OutputStream& out() { return out_; }
  ProgressMode progress_mode() const;

  // One JSON document on standard output, with the schema's number in front.
  void PrintJson(const char* command, nlohmann::ordered_json document);

  // Tells the failure on standard error and returns its exit code. NotFound is an answer and tells
  // nothing.
  ExitCode Fail(const Status& status);
  // One line on standard error, with "lsm: " in front.
  void Note(std::string_view message);

  // The command that the command line chose. A parse sets it, main runs it.
  std::function<ExitCode()> command;

  // `code`, or the failure to write to standard output; a reader that went away is no failure.
  ExitCode Finish(ExitCode code);

 private:
  OutputStream out_;
};

// A subcommand with the options that all have, an example for its help, and what it does. `options`
// of the command are the caller's to keep alive, typically in a shared_ptr that `run` captures.
CLI::App* AddCommand(CLI::App* parent, Context* context, const char* name, const char* description,
                     const char* example, std::function<ExitCode()> run);

// A key, value or bound as it stood on the command line.
Result<std::string> ParseBytes(std::string_view what, const std::string& text);

// --from, --to, --prefix: [from, to) and what begins with the prefix.
struct RangeOptions {
  std::optional<std::string> from;
  std::optional<std::string> to;
  std::optional<std::string> prefix;

  void AddTo(CLI::App* command, bool with_prefix = true);
};

struct KeyBounds {
  std::optional<std::string> from;
  std::optional<std::string> to;  // exclusive
  bool empty = false;             // the options contradict each other

  bool Contains(std::string_view key) const;
};
// kInvalidArgument for a bad escape or --from beyond --to.
Result<KeyBounds> ParseBounds(const RangeOptions& options);

// How rows are printed, by the commands that print some.
struct RowStyle {
  bool hex = false;
  bool keys_only = false;
};
std::string PrintBytes(std::string_view bytes, bool hex);

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_CONTEXT_H_
