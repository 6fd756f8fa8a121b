// Random keys of shapes that meet different corners of a radix tree.

#ifndef LSM_TESTS_MEMTABLE_KEY_SHAPES_H_
#define LSM_TESTS_MEMTABLE_KEY_SHAPES_H_

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>

namespace lsm {

enum class KeyShape {
  kFewLetters,    // up to 6 bytes of an alphabet of 3: prefixes of each other, the empty key
  kExtremeBytes,  // up to 4 bytes, each 0x00, 0x01, 0x7f, 0x80, 0xfe or 0xff
  kBinary,        // 16 random bytes
  kTwoBytes,      // 0 to 2 random bytes: nodes of every size
  kDecimal,       // zero-padded, dense
  kLongPaths,     // a few long stretches shared by many keys
  kChain,         // 'a' repeated: each key a prefix of the next
  kHuge,          // near the longest that may be stored
};
inline constexpr KeyShape kAllKeyShapes[] = {
    KeyShape::kFewLetters, KeyShape::kExtremeBytes, KeyShape::kBinary, KeyShape::kTwoBytes,
    KeyShape::kDecimal,    KeyShape::kLongPaths,    KeyShape::kChain,  KeyShape::kHuge,
};

class KeyMaker {
 public:
  KeyMaker(KeyShape shape, uint64_t seed) : shape_(shape), random_(seed) {}

  std::string Next() {
    switch (shape_) {
      case KeyShape::kFewLetters:
        return FromAlphabet(Below(7), "abc", 3);
      case KeyShape::kExtremeBytes:
        return FromAlphabet(Below(5), "\x00\x01\x7f\x80\xfe\xff", 6);
      case KeyShape::kBinary:
        return RandomBytes(16);
      case KeyShape::kTwoBytes:
        return RandomBytes(Below(3));
      case KeyShape::kDecimal: {
        char digits[24];
        std::snprintf(digits, sizeof(digits), "%016u", static_cast<unsigned>(Below(5000)));
        return digits;
      }
      case KeyShape::kLongPaths: {
        std::string key;
        for (size_t parts = Below(5); parts > 0; --parts) {
          key.append(1 + Below(40), static_cast<char>('a' + Below(2)));
        }
        return key;
      }
      case KeyShape::kChain:
        return std::string(Below(300), 'a');
      case KeyShape::kHuge: {
        std::string key(65535 - Below(3), 'x');
        for (size_t changes = Below(3); changes > 0; --changes) {
          key[Below(8) * 8000] = static_cast<char>('w' + Below(3));
        }
        return key;
      }
    }
    return {};
  }

  size_t Below(size_t bound) { return random_() % bound; }

 private:
  std::string FromAlphabet(size_t size, const char* letters, size_t count) {
    std::string key(size, '\0');
    for (char& c : key) c = letters[Below(count)];
    return key;
  }
  std::string RandomBytes(size_t size) {
    std::string key(size, '\0');
    for (char& c : key) c = static_cast<char>(random_());
    return key;
  }

  const KeyShape shape_;
  std::mt19937_64 random_;
};

}  // namespace lsm

#endif  // LSM_TESTS_MEMTABLE_KEY_SHAPES_H_
