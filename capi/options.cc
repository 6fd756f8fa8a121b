// Options: a skin over the table of lsm/base/options.h, and the library's version.

#include <string>
#include <vector>

#include "capi/handles.h"

namespace lsm::capi {
namespace {

const char* TypeName(OptionType type) {
  switch (type) {
    case OptionType::kBool:
      return "bool";
    case OptionType::kSize:
      return "size";
    case OptionType::kDuration:
      return "duration";
    case OptionType::kNumber:
      return "number";
    case OptionType::kCompression:
    case OptionType::kStyle:
      break;
  }
  return "choice";
}

// The table as C sees it, with the text of the defaults.
struct PublicTable {
  PublicTable() {
    const Options defaults;
    texts.reserve(OptionTable().size());  // the rows point into it
    for (const OptionInfo& info : OptionTable()) {
      texts.push_back(GetOption(defaults, info.name));
      rows.push_back({info.name, TypeName(info.type), info.unit, texts.back().c_str(), info.minimum,
                      info.maximum, info.help});
    }
  }
  std::vector<std::string> texts;
  std::vector<lsm_option> rows;
};

}  // namespace
}  // namespace lsm::capi

using lsm::Status;
using lsm::capi::BadHandle;
using lsm::capi::Call;
using lsm::capi::NullArgument;

extern "C" {

const char* lsm_version(void) {
  static_assert(LSM_VERSION_MAJOR == 1 && LSM_VERSION_MINOR == 0 && LSM_VERSION_PATCH == 0);
  return "1.0.0";
}

uint32_t lsm_version_number(void) {
  return LSM_VERSION_MAJOR * 1'000'000 + LSM_VERSION_MINOR * 1'000 + LSM_VERSION_PATCH;
}

size_t lsm_option_count(void) { return lsm::OptionTable().size(); }

const lsm_option* lsm_option_info(size_t index) {
  try {
    static const auto* const table = new lsm::capi::PublicTable;
    return index < table->rows.size() ? &table->rows[index] : nullptr;
  } catch (...) {
    return nullptr;
  }
}

lsm_options* lsm_options_create(void) { return lsm::capi::MakeHandle<lsm_options>(); }

void lsm_options_destroy(lsm_options* options) {
  if (lsm::capi::IsHandle(options)) delete options;
}

lsm_status lsm_options_set(lsm_options* options, const char* name, const char* value,
                           lsm_error** error) {
  return Call(error, [&]() -> Status {
    if (options == nullptr) return NullArgument("options");
    if (!options->IsMarked()) return BadHandle("options");
    if (name == nullptr) return NullArgument("name");
    if (value == nullptr) return NullArgument("value");
    return lsm::SetOption(&options->options, name, value);
  });
}

}  // extern "C"
