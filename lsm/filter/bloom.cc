#include "lsm/filter/bloom.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "lsm/base/check.h"

namespace lsm {

namespace {

using internal::kBloomLineSize;
using internal::kBloomMaxProbes;
using internal::kBloomProbesPerWord;

constexpr size_t kTrailerSize = 8;

uint32_t ProbesFor(double bits_per_key) {
  // From how many bits a key on one probe more gives fewer false positives.
  constexpr double kOneMoreFrom[] = {2.1,  3.6,  5.1,  6.7,  8.2,  10.1, 11.9,
                                     13.9, 16.1, 18.3, 21.1, 24.1, 27.5};
  static_assert(std::size(kOneMoreFrom) + 1 == kBloomMaxProbes);
  const auto* more =
      std::upper_bound(std::begin(kOneMoreFrom), std::end(kOneMoreFrom), bits_per_key);
  return static_cast<uint32_t>(more - std::begin(kOneMoreFrom)) + 1;
}

void SetBits(char* line, uint64_t bits, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i, bits >>= 9) {
    char* word = line + (bits >> 6 & 7) * 8;
    StoreFixed(word, LoadFixed<uint64_t>(word) | uint64_t{1} << (bits & 63));
  }
}

}  // namespace

BloomBuilder::BloomBuilder(double bits_per_key) : bits_per_key_(bits_per_key) {
  LSM_DCHECK(bits_per_key >= 0 && bits_per_key <= 64);
}

uint32_t BloomBuilder::LineCount() const {
  if (bits_per_key_ <= 0) return 0;
  const double lines = std::ceil(static_cast<double>(hashes_.size()) * bits_per_key_ /
                                 static_cast<double>(8 * kBloomLineSize));
  return static_cast<uint32_t>(std::clamp(lines, 1.0, static_cast<double>(UINT32_MAX)));
}

uint64_t BloomBuilder::size() const { return LineCount() * kBloomLineSize + kTrailerSize; }

std::string BloomBuilder::Finish() {
  const uint32_t line_count = LineCount();
  const uint32_t probes = line_count == 0 ? 0 : ProbesFor(bits_per_key_);
  const uint32_t first_probes = std::min(probes, kBloomProbesPerWord);

  std::string filter;
  filter.reserve(size());
  filter.resize(line_count * kBloomLineSize);
  // Lines of a large filter are far from the cache, so they are asked for some keys ahead.
  constexpr size_t kAhead = 16;
  for (size_t i = 0; line_count > 0 && i < hashes_.size(); ++i) {
    const uint64_t ahead = hashes_[std::min(i + kAhead, hashes_.size() - 1)];
    __builtin_prefetch(filter.data() + internal::BloomLineOffset(ahead, line_count), 1);
    char* line = filter.data() + internal::BloomLineOffset(hashes_[i], line_count);
    const uint64_t first = internal::BloomFirstBits(hashes_[i]);
    SetBits(line, first, first_probes);
    SetBits(line, internal::BloomSecondBits(first), probes - first_probes);
  }
  AppendFixed<uint32_t>(&filter, line_count);
  AppendFixed<uint32_t>(&filter, probes);
  hashes_.clear();
  return filter;
}

bool BloomFilter::Parse(std::string_view bytes, BloomFilter* filter) {
  if (bytes.size() < kTrailerSize) return false;
  const char* trailer = bytes.data() + bytes.size() - kTrailerSize;
  const auto line_count = LoadFixed<uint32_t>(trailer);
  const auto probes = LoadFixed<uint32_t>(trailer + 4);
  if (bytes.size() - kTrailerSize != uint64_t{line_count} * kBloomLineSize) return false;
  if (probes > kBloomMaxProbes || (probes == 0) != (line_count == 0)) return false;
  filter->lines_ = bytes.data();
  filter->line_count_ = line_count;
  filter->probes_ = probes;
  return true;
}

}  // namespace lsm
