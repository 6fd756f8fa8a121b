// A fuzz target: what is fed with bytes, and how to begin. Each is linked twice: with libFuzzer
// (libfuzzer_main.cc; `./dev fuzz TARGET`), which finds new paths, and as a test (replay_main.cc),
// which tries its seeds, what stands in corpus/ and some thousand mutations of them.

#ifndef LSM_TESTS_FUZZ_FUZZ_TARGET_H_
#define LSM_TESTS_FUZZ_FUZZ_TARGET_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lsm/base/check.h"

// In every build mode.
#define FUZZ_CHECK(condition)                                     \
  do {                                                            \
    if (!(condition)) {                                           \
      lsm::internal::CheckFailed(__FILE__, __LINE__, #condition); \
    }                                                             \
  } while (false)

namespace lsm::fuzz {

// What the test tries of each input: about a second's worth.
extern const uint64_t kMutationsPerInput;
// Valid inputs, made by the code of today.
std::vector<std::string> Seeds();
// Tries one input. Ends the process where a promise is broken (FUZZ_CHECK, or a failed EXPECT,
// which both mains turn into an abort).
void Run(std::string_view input);
// Makes the sums of a mutated input right again as far as its structure can be followed, so that
// the mutation gets past them. May do nothing.
void Repair(std::string* input);

}  // namespace lsm::fuzz

#endif  // LSM_TESTS_FUZZ_FUZZ_TARGET_H_
