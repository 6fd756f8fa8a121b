// Rows in bulk, as `lsm load` reads and `lsm export` writes them. What one writes the other reads,
// exactly, in each format:
//
//   text    row* where row := key TAB value LF, both escaped (escape.h). The first TAB ends the
//   key. The
//           last LF may be missing.
//   ndjson  row* where row := {"key":"…","value":"…"} LF, the strings escaped as in text and then
//   as
//           JSON asks. Members stand in any order; there are no others.
//   binary  magic row* end; numbers little-endian, varints as in lsm/base/coding.h
//             magic := "lsmrows1"
//             row   := 0x01 key_size:varint value_size:varint key value sum:8
//             end   := 0x00 row_count:varint sum:8
//           `sum` is Checksum64 of all of its row or end before it, seeded with the number of rows
//           before, so that a missing, doubled, altered or cut-off row is noticed.

#ifndef LSM_TOOLS_CLI_ROW_CODEC_H_
#define LSM_TOOLS_CLI_ROW_CODEC_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lsm/base/status.h"

namespace lsm::cli {

enum class RowFormat { kText, kNdjson, kBinary };

// Appends the encoding of rows to a string that the caller empties as it likes.
class RowEncoder {
 public:
  explicit RowEncoder(RowFormat format) : format_(format) {}

  void Begin(std::string* out) const;
  void Add(std::string_view key, std::string_view value, std::string* out);
  void End(std::string* out) const;

  uint64_t row_count() const { return row_count_; }

 private:
  RowFormat format_;
  uint64_t row_count_ = 0;
};

class RowDecoder {
 public:
  // Fills at most `size` bytes of the buffer and tells how many; 0 only at the end.
  using Source = std::function<Result<size_t>(char* buffer, size_t size)>;
  // `name`: of the source, for messages.
  RowDecoder(RowFormat format, std::string name, Source source);

  struct Row {
    std::string_view key;
    std::string_view value;
  };
  // The next row, valid until the next call, or End. Text that is no row is kInvalidArgument with
  // its line, damaged binary kCorruption with its offset, an over-long key or value kTooLarge.
  // Memory stays within the bytes that came, whatever lengths are claimed.
  Status Next(Row* row);

 private:
  // Reads on until at least `size` bytes are buffered or the source ends.
  Status Fill(uint64_t size);
  Status FillMore();
  std::string_view buffered() const {
    return std::string_view(buffer_).substr(begin_, end_ - begin_);
  }
  void Consume(size_t size);

  Status NextLine(std::string_view* line);
  Status NextText(Row* row);
  Status NextNdjson(Row* row);
  Status NextBinary(Row* row);
  Status ReadMagic();
  Status ReadEnd();
  Status BadLine(std::string_view what) const;
  Status BadBytes(std::string_view what) const;

  RowFormat format_;
  std::string name_;
  Source source_;

  // What came and is not consumed stands in [begin_, end_).
  std::string buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t offset_ = 0;  // in the source: of begin_
  bool at_end_ = false;  // the source has no more
  uint64_t line_number_ = 0;
  uint64_t row_count_ = 0;
  bool magic_read_ = false;

  std::string key_;
  std::string value_;
};

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_ROW_CODEC_H_
