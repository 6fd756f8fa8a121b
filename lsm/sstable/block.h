// Data blocks: a few dozen rows, each column in a region of its own, read in place.
//
//   block := row_count:4 shared_size:2 flags:1 zero:1 keys_offset:4 values_offset:4      16 bytes
//            tag:1[row_count]          the low byte of each key's HashKey
//            zero*                     to a multiple of 4 (wide) or 2 (narrow)
//            key_end[row_count]        of the key's suffix in the key region; absent if kFixedKeySize,
//                                      then one key_size of the same width
//            value_end[row_count]      of the value in the value region
//            zero*                     to a multiple of 8
//            tag:8[row_count]          sequence << 8 | kind; absent if kAllPutsAtZero
//   keys_offset:   shared prefix, then key suffixes
//   values_offset: values
//
// Ends are 4 bytes wide where kWide is set (block of 64 KiB and more), else 2. A lookup compares all tag
// bytes at once with the wanted key's and then mostly one key: header and tags share a cache line or
// two, and key and value are fetched side by side. Seeks search the keys by halves; rows cost the same
// forward and backward; keys are handed out in place where no prefix is shared.
//
// Parse() checks every number against the block's size once, so that the readers below may trust them.

#ifndef LSM_SSTABLE_BLOCK_H_
#define LSM_SSTABLE_BLOCK_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/base/entry.h"
#include "lsm/base/epoch.h"

namespace lsm {

}  // namespace lsm

#endif  // LSM_SSTABLE_BLOCK_H_
