// An input as a program: bytes read one by one, zeros behind its end.

#ifndef LSM_TESTS_FUZZ_BYTE_PROGRAM_H_
#define LSM_TESTS_FUZZ_BYTE_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lsm::fuzz {

class ByteProgram {
 public:
  explicit ByteProgram(std::string_view bytes) : bytes_(bytes) {}
  bool done() const { return at_ >= bytes_.size(); }
  uint8_t Byte() { return done() ? 0 : static_cast<uint8_t>(bytes_[at_++]); }
  // Of two bytes.
  uint64_t Number() {
    const uint64_t low = Byte();
    return Byte() * 256u + low;
  }

 private:
  const std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace lsm::fuzz

#endif  // LSM_TESTS_FUZZ_BYTE_PROGRAM_H_
