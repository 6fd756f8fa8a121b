#include "lsm/version/file_names.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace lsm {
namespace {

constexpr std::string_view kManifestPrefix = "MANIFEST-";
constexpr std::string_view kLogSuffix = ".log";
constexpr std::string_view kTableSuffix = ".sst";

// absl::StrFormat would do, but it terminates the process where memory runs out.
std::string Digits(uint64_t number) { return absl::StrCat(absl::Dec(number, absl::kZeroPad6)); }

bool ParseNumber(std::string_view digits, uint64_t* number) {
  // Printing it again tells canonical spellings from others ("7", "0000012", "+00012").
  return absl::SimpleAtoi(digits, number) && Digits(*number) == digits;
}

}  // namespace

std::string ManifestFileName(uint64_t number) {
  return absl::StrCat(kManifestPrefix, Digits(number));
}
std::string LogFileName(uint64_t number) { return absl::StrCat(Digits(number), kLogSuffix); }
std::string TableFileName(uint64_t number) { return absl::StrCat(Digits(number), kTableSuffix); }

bool ParseFileName(std::string_view name, FileType* type, uint64_t* number) {
  *number = 0;
  if (name == kCurrentFileName) {
    *type = FileType::kCurrent;
    return true;
  }
  if (name == kCurrentTempFileName) {
    *type = FileType::kCurrentTemp;
    return true;
  }
  if (name.starts_with(kManifestPrefix)) {
    *type = FileType::kManifest;
    return ParseNumber(name.substr(kManifestPrefix.size()), number);
  }
  if (name.ends_with(kLogSuffix)) {
    *type = FileType::kLog;
    return ParseNumber(name.substr(0, name.size() - kLogSuffix.size()), number);
  }
  if (name.ends_with(kTableSuffix)) {
    *type = FileType::kTable;
    return ParseNumber(name.substr(0, name.size() - kTableSuffix.size()), number);
  }
  return false;
}

}  // namespace lsm
