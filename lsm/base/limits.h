// Every bound of the engine in one place, with the relations between them checked at compile time.
// Sizes are in bytes unless the name says otherwise.

#ifndef LSM_BASE_LIMITS_H_
#define LSM_BASE_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace lsm {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

// What a user may store (a promise of lsm.h).
inline constexpr uint64_t kMaxKeySize = 64 * kKiB - 1;
inline constexpr uint64_t kMaxValueSize = 1 * kGiB - 1;
inline constexpr uint64_t kMaxBatchSize = 2 * kGiB - 1;

// A sequence number shares a 64-bit tag with the 8-bit kind of its entry.
inline constexpr uint64_t kMaxSequence = (uint64_t{1} << 56) - 1;

// Log. A record holds one batch and never crosses a segment; positions in it are multiples of 8.
inline constexpr uint64_t kLogAlignment = 8;
inline constexpr uint64_t kLogSegmentHeaderSize = 64;
inline constexpr uint64_t kLogRecordHeaderSize = 32;

// Tables. A block closes at the first row that brings it over the block size, so a block holds at
// most that much and one row more; versions of one key may need several blocks.
inline constexpr uint64_t kMinBlockSize = 64;
inline constexpr uint64_t kMaxBlockSize = 16 * kMiB;
inline constexpr uint64_t kMaxBlockContentSize = kMaxBlockSize + kMaxKeySize + kMaxValueSize + kMiB;
inline constexpr uint64_t kMaxLevels = 16;

static_assert(kMaxBlockContentSize < (uint64_t{1} << 32), "offsets inside a block are 32 bits");
static_assert(kMaxValueSize + kMaxKeySize < kMaxBatchSize, "a batch holds the largest row");

// Options.
inline constexpr uint64_t kMinWriteBufferSize = 4 * kKiB;
inline constexpr uint64_t kMinMemoryBudget = 1 * kMiB;

}  // namespace lsm

#endif  // LSM_BASE_LIMITS_H_
