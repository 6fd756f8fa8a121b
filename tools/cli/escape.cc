#include "tools/cli/escape.h"

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace lsm::cli {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

enum class Style { kData, kMessage, kJson };

bool IsPlainAscii(uint8_t byte, Style style) {
  if (byte < 0x20 || byte >= 0x7f) return false;
  return style == Style::kMessage || (byte != '"' && byte != '\\');
}

bool IsContinuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }

// The size of the UTF-8 sequence of two to four bytes that `bytes` begins with, or 0 where it
// begins with none, with an overlong one, a surrogate, a number above U+10FFFF or a C1 control.
size_t PrintableSequenceSize(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  size_t size;
  uint32_t code_point;
  uint32_t smallest;
  if ((at(0) & 0xe0) == 0xc0) {
    size = 2;
    code_point = at(0) & 0x1f;
    smallest = 0xa0;  // below stand ASCII and the C1 controls
  } else if ((at(0) & 0xf0) == 0xe0) {
    size = 3;
    code_point = at(0) & 0x0f;
    smallest = 0x800;
  } else if ((at(0) & 0xf8) == 0xf0) {
    size = 4;
    code_point = at(0) & 0x07;
    smallest = 0x10000;
  } else {
    return 0;
  }
  if (bytes.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if (!IsContinuation(at(i))) return 0;
    code_point = code_point << 6 | (at(i) & 0x3f);
  }
  const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  return code_point < smallest || code_point > 0x10ffff || surrogate ? 0 : size;
}

void AppendEscapedByte(uint8_t byte, Style style, std::string* out) {
  // JSON escapes the backslash that the tool's own escaping puts there.
  const char* backslash = style == Style::kJson ? "\\\\" : "\\";
  if (byte == '\\') {
    absl::StrAppend(out, backslash, backslash);
    return;
  }
  absl::StrAppend(out, backslash, "x");
  *out += kHexDigits[byte >> 4];
  *out += kHexDigits[byte & 15];
}

void AppendInStyle(std::string_view bytes, Style style, std::string* out) {
  size_t i = 0;
  while (i < bytes.size()) {
    const size_t begin = i;
    while (i < bytes.size() && IsPlainAscii(static_cast<uint8_t>(bytes[i]), style)) ++i;
    out->append(bytes, begin, i - begin);
    if (i == bytes.size()) break;
    if (const size_t size = PrintableSequenceSize(bytes.substr(i)); size > 0) {
      out->append(bytes, i, size);
      i += size;
    } else {
      AppendEscapedByte(static_cast<uint8_t>(bytes[i]), style, out);
      ++i;
    }
  }
}

int HexDigitValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

void AppendEscaped(std::string_view bytes, std::string* out) {
  AppendInStyle(bytes, Style::kData, out);
}

std::string Escape(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  AppendEscaped(bytes, &text);
  return text;
}

std::string EscapeMessage(std::string_view message) {
  std::string text;
  AppendInStyle(message, Style::kMessage, &text);
  return text;
}

Status Unescape(std::string_view text, std::string* bytes) {
  bytes->clear();
  bytes->reserve(text.size());
  size_t i = 0;
  while (true) {
    const size_t backslash = text.find('\\', i);
    bytes->append(text, i, backslash == std::string_view::npos ? backslash : backslash - i);
    if (backslash == std::string_view::npos) return Status::Ok();
    const std::string_view rest = text.substr(backslash);
    if (rest.size() >= 2 && rest[1] == '\\') {
      *bytes += '\\';
      i = backslash + 2;
      continue;
    }
    const int high = rest.size() >= 4 && rest[1] == 'x' ? HexDigitValue(rest[2]) : -1;
    const int low = high >= 0 ? HexDigitValue(rest[3]) : -1;
    if (low < 0) {
      return Status::InvalidArgument(absl::StrCat(
          "bad escape \"", EscapeMessage(rest.substr(0, 4)), "\" at byte ", backslash,
          ": expected \\\\ for a backslash or \\xNN for the byte with that hex number"));
    }
    *bytes += static_cast<char>(high << 4 | low);
    i = backslash + 4;
  }
}

std::string Hex(std::string_view bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    text += kHexDigits[static_cast<uint8_t>(c) >> 4];
    text += kHexDigits[static_cast<uint8_t>(c) & 15];
  }
  return text;
}

void AppendJsonString(std::string_view bytes, std::string* out) {
  *out += '"';
  AppendInStyle(bytes, Style::kJson, out);
  *out += '"';
}

}  // namespace lsm::cli
