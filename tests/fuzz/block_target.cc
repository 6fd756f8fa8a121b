// The content of a data block behind its sum: whatever passes CheckBlockContent() is read without
// further tests.

#include <cstdint>

#include "lsm/sstable/block.h"
#include "tests/fuzz/fuzz_target.h"

namespace lsm::fuzz {
namespace {

// Reads every byte of it.
void Touch(std::string_view bytes) {
  static volatile uint8_t sink;
  for (const char c : bytes) sink = static_cast<uint8_t>(sink + static_cast<uint8_t>(c));
}

std::string Block(const std::vector<Entry>& entries) {
  BlockBuilder builder;
  uint8_t fingerprint = 0;
  for (const Entry& entry : entries) builder.Add(entry, fingerprint += 37);
  std::string content;
  builder.Finish(&content);
  return content;
}

}  // namespace

const uint64_t kMutationsPerInput = 4'000;

std::vector<std::string> Seeds() {
  const std::string big(70'000, 'b');
  return {Block({{"a", 0, EntryKind::kPut, "1"}, {"b", 0, EntryKind::kPut, "2"}}),
          Block({{"", 9, EntryKind::kPut, ""},
                 {"a", 8, EntryKind::kPut, "longer"},
                 {"a", 3, EntryKind::kDelete, ""},
                 {"ab\xff", 0, EntryKind::kPut, "x"}}),
          Block({{"k", 1, EntryKind::kPut, big}, {"l", 2, EntryKind::kPut, "after a wide one"}})};
}

void Run(std::string_view input) {
  std::vector<char> bytes(input.begin(), input.end());
  bytes.resize(input.size() + kBlockSlack);
  if (CheckBlockContent({bytes.data(), input.size()}) != nullptr) return;
  const BlockReader reader(bytes.data());
  for (uint32_t row = 0; row < reader.row_count(); ++row) {
    Entry entry;
    reader.Load(row, &entry);
    Touch(entry.key);
    Touch(entry.value);
    FUZZ_CHECK(reader.LowerBound(entry.key) <= reader.row_count());
    FUZZ_CHECK(reader.UpperBound(entry.key) <= reader.row_count());
    const uint32_t found = reader.Find(entry.key, reader.fingerprint(row));
    FUZZ_CHECK(found <= reader.row_count());
    FUZZ_CHECK(found == reader.row_count() || reader.key(found) == entry.key);
    if (row > 300) break;
  }
  for (const std::string_view key : {std::string_view(), input.substr(0, 9), input}) {
    (void)reader.LowerBound(key);
    (void)reader.Find(key, 7);
  }
}

void Repair(std::string*) {}

}  // namespace lsm::fuzz
