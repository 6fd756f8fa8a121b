#include "tools/cli/bench_rows.h"

#include <algorithm>

#include "tools/cli/random.h"

namespace lsm::cli {
namespace {

constexpr size_t kValuePool = 1 << 20;
constexpr size_t kValuePiece = 100;

}  // namespace

ValueSource::ValueSource(uint64_t value_size, double compression_ratio, uint64_t seed)
    : value_size_(value_size) {
  // Pieces that each hold a random part and then repeat it, as LevelDB's generator makes them.
  Random random(seed);
  const size_t size = std::max<size_t>(kValuePool, 2 * value_size);
  const auto fresh = std::clamp<size_t>(
      static_cast<size_t>(compression_ratio * static_cast<double>(kValuePiece)), 1, kValuePiece);
  bytes_.reserve(size + kValuePiece);
  while (bytes_.size() < size) {
    const size_t begin = bytes_.size();
    for (size_t i = 0; i < kValuePiece; ++i) {
      bytes_ += i < fresh ? static_cast<char>(' ' + random.Below(95)) : bytes_[begin + i % fresh];
    }
  }
}

std::string_view ValueSource::Next() {
  if (position_ + value_size_ > bytes_.size()) position_ = 0;
  const std::string_view value = std::string_view(bytes_).substr(position_, value_size_);
  position_ += value_size_;
  return value;
}

std::string_view KeyMaker::Make(uint64_t number) {
  for (size_t i = key_.size(); i-- > 0;) {
    key_[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return key_;
}

std::string_view KeyMaker::MakeMissing(uint64_t number) {
  missing_ = Make(number);
  missing_ += '.';
  return missing_;
}

}  // namespace lsm::cli
