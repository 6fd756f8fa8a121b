// The tombstones section of a table: its range tombstones as they were written, in no order.
//
//   tombstones := (begin:prefixed range_end sequence:varint)*
//   range_end as in write_batch.h; begin < end

#ifndef LSM_SSTABLE_TOMBSTONES_H_
#define LSM_SSTABLE_TOMBSTONES_H_

#include <string>
#include <string_view>
#include <vector>

#include "lsm/iterator/range_tombstones.h"

namespace lsm {

void AppendTombstone(const RangeTombstone& tombstone, std::string* target);
// Null, and views into `content` added, where it is sound; else what is wrong with it.
const char* ParseTombstones(std::string_view content, std::vector<RangeTombstone>* tombstones);

}  // namespace lsm

#endif  // LSM_SSTABLE_TOMBSTONES_H_
