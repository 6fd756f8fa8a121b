// What the targets of the log and of the manifest, which is a log, share.

#ifndef LSM_TESTS_FUZZ_SEGMENT_REPAIR_H_
#define LSM_TESTS_FUZZ_SEGMENT_REPAIR_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/wal/log_format.h"

namespace lsm::fuzz {

// A segment of `size` bytes that begins at position `base` and holds records with these payloads,
// the last of them followed by a mark that all is synced.
std::string MakeSegment(uint64_t number, LogPosition base, uint64_t size,
                        const std::vector<std::string>& payloads);

// Makes the sums of header and records of segment `number` right, as far as sizes can be followed.
void RepairSegment(uint64_t number, std::string* segment);

}  // namespace lsm::fuzz

#endif  // LSM_TESTS_FUZZ_SEGMENT_REPAIR_H_
