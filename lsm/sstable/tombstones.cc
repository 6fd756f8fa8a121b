#include "lsm/sstable/tombstones.h"

#include "lsm/base/check.h"
#include "lsm/base/coding.h"
#include "lsm/base/limits.h"
#include "lsm/base/write_batch.h"

namespace lsm {

void AppendTombstone(const RangeTombstone& tombstone, std::string* target) {
  LSM_DCHECK(tombstone.begin < tombstone.end && tombstone.sequence > 0);
  AppendLengthPrefixed(target, tombstone.begin);
  AppendRangeEnd(target, tombstone.end);
  AppendVarint(target, tombstone.sequence);
}

const char* ParseTombstones(std::string_view content, std::vector<RangeTombstone>* tombstones) {
  while (!content.empty()) {
    RangeTombstone tombstone;
    if (!ReadLengthPrefixed(&content, &tombstone.begin) ||
        !ReadRangeEnd(&content, &tombstone.end) || !ReadVarint64(&content, &tombstone.sequence)) {
      return "a range tombstone does not parse";
    }
    // Bounds are cut to one byte more than the longest key.
    if (tombstone.begin.size() > kMaxKeySize + 1 || tombstone.begin >= tombstone.end) {
      return "a range tombstone covers no range of keys";
    }
    if (tombstone.sequence == 0 || tombstone.sequence > kMaxSequence) {
      return "a range tombstone has an impossible sequence number";
    }
    tombstones->push_back(tombstone);
  }
  return nullptr;
}

}  // namespace lsm
