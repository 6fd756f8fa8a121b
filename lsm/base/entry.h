// Entries and their order: what memtables, tables and iterators hold.
//
// An entry is one version of a user key. The engine has one order: user keys bytewise ascending
// (memcmp; a prefix before what it is a prefix of), and under one user key sequence numbers
// descending, newest first. No two entries share key and sequence, except sequence 0, which
// compaction gives to what every reader sees and which therefore stands once a key.

#ifndef LSM_BASE_ENTRY_H_
#define LSM_BASE_ENTRY_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "lsm/base/limits.h"

namespace lsm {

using SequenceNumber = uint64_t;

// Values are part of the log and table formats and are never reused.
enum class EntryKind : uint8_t {
  kDelete = 0,
  kPut = 1,
  // Only in batches and logs, where `value` is the exclusive end of the range; memtables and tables
  // keep range tombstones beside their entries.
  kRangeDelete = 2,
};

struct Entry {
  std::string_view key;
  SequenceNumber sequence = 0;
  EntryKind kind = EntryKind::kPut;
  std::string_view value;
};

// Sequence and kind in one word, ordered by sequence.
constexpr uint64_t PackTag(SequenceNumber sequence, EntryKind kind) {
  return sequence << 8 | static_cast<uint64_t>(kind);
}
constexpr SequenceNumber TagSequence(uint64_t tag) { return tag >> 8; }
constexpr EntryKind TagKind(uint64_t tag) { return static_cast<EntryKind>(tag & 0xff); }
// True where the low byte names a kind that entries may have.
constexpr bool IsEntryTag(uint64_t tag) { return (tag & 0xff) <= 1; }

// Negative, zero or positive as `a` stands before, at or after `b`.
inline int CompareEntries(const Entry& a, const Entry& b) {
  const int order = a.key.compare(b.key);
  if (order != 0) return order;
  return a.sequence > b.sequence ? -1 : a.sequence < b.sequence ? 1 : 0;
}

// The eight bytes of `key` from `skip` on as a big-endian number, zero-padded: for keys that share
// their first `skip` bytes, a smaller number means a smaller key, and equal numbers mean nothing.
inline uint64_t KeyPrefix(std::string_view key, size_t skip = 0) {
  uint64_t prefix = 0;
  if (key.size() >= skip + 8) {
    std::memcpy(&prefix, key.data() + skip, 8);
  } else if (key.size() > skip) {
    std::memcpy(&prefix, key.data() + skip, key.size() - skip);
  }
  return __builtin_bswap64(prefix);
}

// How many leading bytes `a` and `b` share.
inline size_t SharedPrefixSize(std::string_view a, std::string_view b) {
  const size_t limit = a.size() < b.size() ? a.size() : b.size();
  size_t size = 0;
  for (; size + 8 <= limit; size += 8) {
    uint64_t x;
    uint64_t y;
    std::memcpy(&x, a.data() + size, 8);
    std::memcpy(&y, b.data() + size, 8);
    if (x != y) return size + static_cast<size_t>(std::countr_zero(x ^ y)) / 8;
  }
  while (size < limit && a[size] == b[size]) ++size;
  return size;
}

}  // namespace lsm

#endif  // LSM_BASE_ENTRY_H_
