#include "lsm/sstable/properties.h"

#include <charconv>
#include <cmath>
#include <iterator>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lsm/base/coding.h"

namespace lsm {
namespace {

using Field = std::variant<uint64_t TableProperties::*, double TableProperties::*,
                           std::string TableProperties::*>;

struct Row {
  std::string_view name;
  Field field;
};

const Row kRows[] = {
    {"entry_count", &TableProperties::entry_count},
    {"delete_count", &TableProperties::delete_count},
    {"range_tombstone_count", &TableProperties::range_tombstone_count},
    {"data_block_count", &TableProperties::data_block_count},
    {"data_size", &TableProperties::data_size},
    {"raw_key_size", &TableProperties::raw_key_size},
    {"raw_value_size", &TableProperties::raw_value_size},
    {"min_sequence", &TableProperties::min_sequence},
    {"max_sequence", &TableProperties::max_sequence},
    {"filter_bits_per_key", &TableProperties::filter_bits_per_key},
    {"smallest_key", &TableProperties::smallest_key},
    {"largest_key", &TableProperties::largest_key},
    {"compression", &TableProperties::compression},
};
constexpr size_t kRowCount = std::size(kRows);

std::string Format(const TableProperties& properties, const Field& field) {
  if (const auto* number = std::get_if<uint64_t TableProperties::*>(&field)) {
    return absl::StrCat(properties.*(*number));
  }
  if (const auto* real = std::get_if<double TableProperties::*>(&field)) {
    char text[32];  // the shortest that reads back as the same number
    char* const end = std::to_chars(text, text + sizeof(text), properties.*(*real)).ptr;
    return std::string(text, end);
  }
  return properties.*std::get<std::string TableProperties::*>(field);
}

bool ParseField(std::string_view text, const Field& field, TableProperties* properties) {
  if (const auto* number = std::get_if<uint64_t TableProperties::*>(&field)) {
    return absl::SimpleAtoi(text, &(properties->*(*number)));
  }
  if (const auto* real = std::get_if<double TableProperties::*>(&field)) {
    return absl::SimpleAtod(text, &(properties->*(*real))) && std::isfinite(properties->*(*real));
  }
  properties->*std::get<std::string TableProperties::*>(field) = text;
  return true;
}

}  // namespace

void AppendProperties(const TableProperties& properties, std::string* target) {
  for (const Row& row : kRows) {
    AppendLengthPrefixed(target, row.name);
    AppendLengthPrefixed(target, Format(properties, row.field));
  }
}

const char* ParseProperties(std::string_view content, TableProperties* properties) {
  TableProperties result;
  bool seen[kRowCount] = {};
  while (!content.empty()) {
    std::string_view name;
    std::string_view value;
    if (!ReadLengthPrefixed(&content, &name) || !ReadLengthPrefixed(&content, &value)) {
      return "the properties are not names and values";
    }
    for (size_t i = 0; i < kRowCount; ++i) {
      if (kRows[i].name != name) continue;
      if (seen[i]) return "a property is there twice";
      seen[i] = true;
      if (!ParseField(value, kRows[i].field, &result)) return "a property does not parse";
    }
  }
  for (const bool is_there : seen) {
    if (!is_there) return "a property is missing";
  }
  *properties = std::move(result);
  return nullptr;
}

}  // namespace lsm
