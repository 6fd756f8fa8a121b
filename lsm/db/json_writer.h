// JsonWriter: writes one JSON value (RFC 8259) from front to back, without white space.
//
// Considered and refused: a document model. It allocates when it is destroyed, which ends the
// process where memory has run out, and it throws on bytes that are not UTF-8.

#ifndef LSM_DB_JSON_WRITER_H_
#define LSM_DB_JSON_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/str_cat.h"

namespace lsm {

class JsonWriter {
 public:
  // As the command line prints bytes: all but plain ASCII is \xNN, a backslash is doubled.
  static std::string Escape(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
      if (c == '\\') {
        text += "\\\\";
      } else if (c >= 0x20 && c < 0x7f && c != '"') {
        text += c;
      } else {
        absl::StrAppend(&text, "\\x", absl::Hex(static_cast<uint8_t>(c), absl::kZeroPad2));
      }
    }
    return text;
  }

  void BeginObject() { Open('{'); }
  void EndObject() { text_ += '}'; }
  void BeginArray() { Open('['); }
  void EndArray() { text_ += ']'; }

  // The name of the next value. REQUIRES: inside an object; plain ASCII.
  void Key(std::string_view name) {
    Separate();
    absl::StrAppend(&text_, "\"", name, "\":");
  }

  void Null() { Raw("null"); }
  // Any bytes: they are shown escaped, as Escape does.
  void Bytes(std::string_view bytes) {
    Separate();
    text_ += '"';
    for (const char c : Escape(bytes)) {
      if (c == '\\') text_ += '\\';
      text_ += c;
    }
    text_ += '"';
  }
  // A bool, or a number that is finite.
  template <typename T>
  void Value(T value) {
    static_assert(std::is_arithmetic_v<T>);
    if constexpr (std::is_same_v<T, bool>) {
      Raw(value ? "true" : "false");
    } else {
      Raw(absl::StrCat(value));
    }
  }
  template <typename T>
  void Field(std::string_view name, T value) {
    Key(name);
    Value(value);
  }

  const std::string& text() const { return text_; }

 private:
  // A comma, unless this is the first in its object or array, or follows its name.
  void Separate() {
    if (!text_.empty() && text_.back() != '{' && text_.back() != '[' && text_.back() != ':') {
      text_ += ',';
    }
  }
  void Open(char bracket) {
    Separate();
    text_ += bracket;
  }
  void Raw(std::string_view value) {
    Separate();
    text_ += value;
  }

  std::string text_;
};

}  // namespace lsm

#endif  // LSM_DB_JSON_WRITER_H_
