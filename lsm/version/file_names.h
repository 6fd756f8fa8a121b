// The names of a database's files. Nothing else in the directory is the engine's, and nothing that
// does not match a pattern exactly is ever touched.
//
//   CURRENT             names the manifest in force
//   CURRENT.tmp         its successor being written
//   MANIFEST-000012     a log of version edits
//   000013.log          a segment of the write-ahead log
//   000014.sst          a table
//
// Numbers come from one counter, are never used twice, and have six digits or, without a leading
// zero, more.

#ifndef LSM_VERSION_FILE_NAMES_H_
#define LSM_VERSION_FILE_NAMES_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace lsm {

inline constexpr std::string_view kCurrentFileName = "CURRENT";
inline constexpr std::string_view kCurrentTempFileName = "CURRENT.tmp";

enum class FileType : uint8_t { kCurrent, kCurrentTemp, kManifest, kLog, kTable };

std::string ManifestFileName(uint64_t number);
std::string LogFileName(uint64_t number);
std::string TableFileName(uint64_t number);

// False for a name that is not the engine's. `number` is 0 for the two CURRENTs.
bool ParseFileName(std::string_view name, FileType* type, uint64_t* number);

}  // namespace lsm

#endif  // LSM_VERSION_FILE_NAMES_H_
