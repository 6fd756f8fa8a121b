// How bytes are written as text, everywhere the tool prints or reads keys, values and file names.
//
//   text := (plain | '\\' | '\x' hex hex)*
//   plain: valid UTF-8 other than C0 controls, DEL, C1 controls, the double quote and the backslash
//
// A backslash prints as `\\`, every other byte that is not plain as `\xNN`, byte by byte. Escaped
// text is therefore valid UTF-8 on one line without tabs, safe on a terminal, and
// Unescape(Escape(b)) == b for all bytes. Reading is wider than writing: bytes that would be
// escaped are taken as they are.

#ifndef LSM_TOOLS_CLI_ESCAPE_H_
#define LSM_TOOLS_CLI_ESCAPE_H_

#include <string>
#include <string_view>

#include "lsm/base/status.h"

namespace lsm::cli {

void AppendEscaped(std::string_view bytes, std::string* out);
std::string Escape(std::string_view bytes);

// kInvalidArgument, telling where, for a backslash that begins neither `\\` nor `\xNN`.
Status Unescape(std::string_view text, std::string* bytes);

// For messages, which may hold escaped names already: only what would disturb a terminal is
// escaped, so quotes and backslashes stay.
std::string EscapeMessage(std::string_view message);

// Two lower-case digits a byte.
std::string Hex(std::string_view bytes);

// `bytes` escaped, as a JSON string with its quotes.
void AppendJsonString(std::string_view bytes, std::string* out);

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_ESCAPE_H_
