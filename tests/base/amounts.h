// How much tests that draw at random try, and from which seed on: what the environment says.

#ifndef LSM_TESTS_BASE_AMOUNTS_H_
#define LSM_TESTS_BASE_AMOUNTS_H_

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace lsm {

// How many times the usual amount (LSM_TEST_SCALE).
inline uint64_t TestScale() {
  const char* const text = std::getenv("LSM_TEST_SCALE");
  return text == nullptr ? 1 : std::max<uint64_t>(1, std::strtoull(text, nullptr, 10));
}
// The first seed (LSM_TEST_SEED): another one makes other tests.
inline uint64_t FirstSeed() {
  const char* const text = std::getenv("LSM_TEST_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}
// By how much less is tried where everything takes longer and what is looked for shows at once.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr uint64_t kSanitizerSlowness = 16;
#else
inline constexpr uint64_t kSanitizerSlowness = 1;
#endif

}  // namespace lsm

#endif  // LSM_TESTS_BASE_AMOUNTS_H_
