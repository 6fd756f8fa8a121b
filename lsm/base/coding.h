// How numbers stand in files: fixed widths little-endian, varints in LEB128 (seven bits a byte,
// least significant first, at most ten bytes). Readers take a std::string_view that shrinks from
// the front and answer false, with the view left as it was, when the bytes do not suffice or do not
// fit the type.

#ifndef LSM_BASE_CODING_H_
#define LSM_BASE_CODING_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace lsm {

static_assert(std::endian::native == std::endian::little, "files are read in place, little-endian");

inline constexpr size_t kMaxVarint64Size = 10;

template <typename T>
inline T LoadFixed(const void* source) {
  T value;
  std::memcpy(&value, source, sizeof(value));
  return value;
}

template <typename T>
inline void StoreFixed(void* target, T value) {
  std::memcpy(target, &value, sizeof(value));
}

template <typename T>
inline void AppendFixed(std::string* target, T value) {
  target->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
inline bool ReadFixed(std::string_view* input, T* value) {
  if (input->size() < sizeof(T)) return false;
  *value = LoadFixed<T>(input->data());
  input->remove_prefix(sizeof(T));
  return true;
}

constexpr size_t VarintSize(uint64_t value) {
  return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7;
}

// Writes VarintSize(value) bytes and returns the end.
inline char* StoreVarint(char* target, uint64_t value) {
  while (value >= 0x80) {
    *target++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *target++ = static_cast<char>(value);
  return target;
}

inline void AppendVarint(std::string* target, uint64_t value) {
  char buffer[kMaxVarint64Size];
  target->append(buffer, static_cast<size_t>(StoreVarint(buffer, value) - buffer));
}

inline bool ReadVarint64(std::string_view* input, uint64_t* value) {
  uint64_t result = 0;
  for (size_t i = 0; i < input->size() && i < kMaxVarint64Size; ++i) {
    const auto byte = static_cast<uint8_t>((*input)[i]);
    if (i == kMaxVarint64Size - 1 && byte > 1) return false;
    result |= uint64_t{byte & 0x7fu} << (7 * i);
    if (byte < 0x80) {
      *value = result;
      input->remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

inline bool ReadVarint32(std::string_view* input, uint32_t* value) {
  std::string_view rest = *input;
  uint64_t wide;
  if (!ReadVarint64(&rest, &wide) || wide > UINT32_MAX) return false;
  *value = static_cast<uint32_t>(wide);
  *input = rest;
  return true;
}

// A varint length and that many bytes. The length is believed only as far as the input reaches.
inline void AppendLengthPrefixed(std::string* target, std::string_view bytes) {
  AppendVarint(target, bytes.size());
  target->append(bytes);
}

inline bool ReadLengthPrefixed(std::string_view* input, std::string_view* bytes) {
  std::string_view rest = *input;
  uint64_t size;
  if (!ReadVarint64(&rest, &size) || size > rest.size()) return false;
  *bytes = rest.substr(0, size);
  rest.remove_prefix(size);
  *input = rest;
  return true;
}

}  // namespace lsm

#endif  // LSM_BASE_CODING_H_
