#include "tools/cli/damage.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/cli/escape.h"

namespace lsm::cli {

void DamageReport::Add(const Status& status, std::string_view first_key,
                       std::string_view last_key) {
  worst_ = Worse(worst_, ExitCodeOf(status));
  const bool keys_known = !first_key.empty() || !last_key.empty();
  nlohmann::ordered_json damage = {{"code", CodeName(static_cast<int32_t>(status.code()))},
                                   {"message", EscapeMessage(status.message())}};
  if (!status.file().empty()) damage["file"] = Escape(status.file());
  if (status.offset() != Status::kNoOffset) damage["offset"] = status.offset();
  if (keys_known) {
    damage["first_key"] = Escape(first_key);
    damage["last_key"] = Escape(last_key);
  }
  damages_.push_back(damage);
  if (!context_->json) {
    std::string line = "damaged: " + Describe(status);
    if (keys_known) {
      absl::StrAppend(&line, "; keys at stake: \"", Escape(first_key), "\" to \"", Escape(last_key),
                      "\"");
    }
    context_->out().Write(line + "\n");
  }
}

ExitCode DamageReport::Close(const std::string& path, const Status& status) {
  const bool stands_told = worst_ != ExitCode::kSuccess;
  if (status.ok()) {
    sound_.push_back(Escape(path));
    if (!context_->json) context_->out().Write(Escape(path) + ": sound\n");
  } else if (status.Is(Code::kAborted) || (!status.Is(Code::kCorruption) && !stands_told)) {
    worst_ = Worse(worst_, context_->Fail(status));
  } else if (!stands_told) {
    Add(status, "", "");
  }
  return std::exchange(worst_, ExitCode::kSuccess);
}

void DamageReport::Print(const char* command) {
  if (!context_->json) return;
  context_->PrintJson(command,
                      {{"ok", damages_.empty()}, {"sound", sound_}, {"damages", damages_}});
}

}  // namespace lsm::cli
