#include "tools/cli/context.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/cli/escape.h"

namespace lsm::cli {
namespace {

using Json = nlohmann::ordered_json;

// What the user can do about it, where the message does not say.
const char* Advice(Code code) {
  switch (code) {
    case Code::kCorruption:
      return "run `lsm verify` on the database for the whole extent of the damage";
    case Code::kLocked:
      return "another process has the database open; try again when it has closed it";
    case Code::kNoSpace:
      return "nothing was lost; make room and try again";
    case Code::kUnsupported:
      return "use the version of lsm that wrote it, or a later one";
    default:
      return nullptr;
  }
}

// The smallest key above all that begin with `prefix`; nothing where there is none.
std::optional<std::string> PrefixEnd(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace

std::string Describe(const Status& status) {
  std::string text = EscapeMessage(status.message());
  if (text.empty()) text = CodeName(static_cast<int32_t>(status.code()));
  // Messages that came through the ABI name the place themselves.
  std::string place;
  const auto add = [&](const std::string& part, const std::string& label) {
    if (text.find(part) != std::string::npos) return;
    absl::StrAppend(&place, place.empty() ? "" : ", ", label, part);
  };
  add(Escape(status.file()), "file ");
  if (status.offset() != Status::kNoOffset) add(absl::StrCat("offset ", status.offset()), "");
  return place.empty() ? text : absl::StrCat(text, " (", place, ")");
}

ExitCode ExitCodeOf(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
    case Code::kEnd:
      return ExitCode::kSuccess;
    case Code::kNotFound:
      return ExitCode::kNotFound;
    case Code::kInvalidArgument:
    case Code::kTooLarge:
    case Code::kExists:
      return ExitCode::kUsage;
    case Code::kCorruption:
      return ExitCode::kCorruption;
    case Code::kLocked:
      return ExitCode::kLocked;
    case Code::kAborted:
      return ExitCode::kCancelled;
    default:
      return ExitCode::kIoError;
  }
}

ExitCode Worse(ExitCode a, ExitCode b) {
  const auto weight = [](ExitCode code) {
    return code == ExitCode::kCorruption ? 100 : static_cast<int>(code);
  };
  return weight(a) >= weight(b) ? a : b;
}

ProgressMode Context::progress_mode() const {
  if (progress == "json") return ProgressMode::kJson;
  if (progress == "none" || !IsTerminal(kStderr)) return ProgressMode::kNone;
  return ProgressMode::kBar;
}

void Context::PrintJson(const char* command_name, Json document) {
  Json all = {{"schema", kJsonSchema}, {"command", command_name}};
  all.update(document);
  out_.Write(all.dump(2) + "\n");
}

ExitCode Context::Fail(const Status& status) {
  const ExitCode code = ExitCodeOf(status);
  if (code == ExitCode::kSuccess || code == ExitCode::kNotFound) return code;
  const char* advice = Advice(status.code());
  if (json) {
    Json error = {{"code", CodeName(static_cast<int32_t>(status.code()))},
                  {"message", EscapeMessage(status.message())}};
    if (!status.file().empty()) error["file"] = Escape(status.file());
    if (status.offset() != Status::kNoOffset) error["offset"] = status.offset();
    if (advice != nullptr) error["advice"] = advice;
    OutputStream stream(kStderr, "standard error");
    stream.Write(Json({{"schema", kJsonSchema}, {"error", error}}).dump() + "\n");
    (void)stream.Flush();
  } else {
    Note(advice != nullptr ? absl::StrCat(Describe(status), "; ", advice) : Describe(status));
  }
  return code;
}

void Context::Note(std::string_view message) {
  // What stands on standard output so far comes first where both are one terminal.
  (void)out_.Flush();
  OutputStream stream(kStderr, "standard error");
  stream.Write(absl::StrCat("lsm: ", message, "\n"));
  (void)stream.Flush();  // there is nowhere left to tell it
}

ExitCode Context::Finish(ExitCode code) {
  const Status status = out_.Flush();
  if (status.ok() || out_.closed_by_reader()) return code;
  return Worse(code, Fail(status));
}

CLI::App* AddCommand(CLI::App* parent, Context* context, const char* name, const char* description,
                     const char* example, std::function<ExitCode()> run) {
  CLI::App* command = parent->add_subcommand(name, description);
  command->footer(absl::StrCat("Example:\n  ", example));
  command->add_flag("--json", context->json, "Print JSON; rows as one object a line")
      ->group("Common options");
  command
      ->add_option("--option", context->engine_options,
                   "An option of the engine, e.g. memory_budget=1GiB; may be given again")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->group("Common options");
  command->add_option("--progress", context->progress, "auto: a bar on terminals; json; none")
      ->check(CLI::IsMember({"auto", "json", "none"}))
      ->type_name("HOW")
      ->group("Common options");
  command->callback([context, run = std::move(run)] { context->command = run; });
  return command;
}

Result<std::string> ParseBytes(std::string_view what, const std::string& text) {
  std::string bytes;
  const Status status = Unescape(text, &bytes);
  if (!status.ok()) return status.WithContext(what);
  return bytes;
}

void RangeOptions::AddTo(CLI::App* command, bool with_prefix) {
  command->add_option("--from", from, "The first key, inclusive")->type_name("KEY");
  command->add_option("--to", to, "Where to stop, exclusive")->type_name("KEY");
  if (with_prefix) {
    command->add_option("--prefix", prefix, "Only keys that begin with it")->type_name("KEY");
  }
}

bool KeyBounds::Contains(std::string_view key) const {
  return !empty && (!from || key >= *from) && (!to || key < *to);
}

Result<KeyBounds> ParseBounds(const RangeOptions& options) {
  KeyBounds range;
  if (options.from) {
    LSM_ASSIGN_OR_RETURN(range.from, ParseBytes("--from", *options.from));
  }
  if (options.to) {
    LSM_ASSIGN_OR_RETURN(range.to, ParseBytes("--to", *options.to));
  }
  if (range.from && range.to && *range.from > *range.to) {
    return Status::InvalidArgument("--from is beyond --to: expected the smaller key first");
  }
  if (!options.prefix) return range;
  LSM_ASSIGN_OR_RETURN(const std::string prefix, ParseBytes("--prefix", *options.prefix));
  const std::optional<std::string> end = PrefixEnd(prefix);
  if (!range.from || *range.from < prefix) range.from = prefix;
  if (end && (!range.to || *range.to > *end)) range.to = end;
  range.empty = range.to && *range.from >= *range.to;
  return range;
}

std::string PrintBytes(std::string_view bytes, bool hex) {
  return hex ? Hex(bytes) : Escape(bytes);
}

}  // namespace lsm::cli
