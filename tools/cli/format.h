// Numbers, and tables of them, for people.

#ifndef LSM_TOOLS_CLI_FORMAT_H_
#define LSM_TOOLS_CLI_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lsm::cli {

// "512 B", "1.5 KiB", "63.2 MiB".
std::string FormatBytes(uint64_t bytes);
// "1,234,567".
std::string FormatCount(uint64_t count);
// "0.8s", "12s", "3m05s", "2h14m".
std::string FormatDuration(double seconds);
// With `digits` after the point.
std::string FormatFixed(double value, int digits);
// How many columns of a terminal `text` takes, a code point counting one. REQUIRES: valid UTF-8.
size_t DisplayWidth(std::string_view text);

// Columns aligned by the widest cell.
class TextTable {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kRight;
  };
  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // REQUIRES: a cell for each column.
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Titles (none where all are empty), then the rows.
  std::string ToString() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_FORMAT_H_
