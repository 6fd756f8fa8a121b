// The files of a database that is not open, as its manifest names them: for the commands that look
// at them one by one.

#ifndef LSM_TOOLS_CLI_DATABASE_FILES_H_
#define LSM_TOOLS_CLI_DATABASE_FILES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lsm/base/status.h"
#include "lsm/env/env.h"
#include "lsm/version/version_edit.h"
#include "lsm/wal/log_reader.h"

namespace lsm::cli {

// A database's directory, locked against writers while this lives; readers may share it.
Result<std::unique_ptr<Directory>> OpenForLooking(const std::string& path);

// What the manifest in force says, all its edits applied.
struct ManifestState {
  uint64_t manifest_number = 0;
  std::vector<LogSegmentRef> logs;  // ascending
  std::vector<AddedSlice> slices;
};
Result<ManifestState> ReadManifestState(Directory* directory);

// The log, all segments that the manifest names, from its beginning.
Result<LogReader> OpenLogReader(Directory* directory, const ManifestState& state);
// What the log's records take that are not in tables yet. The segments are mostly larger.
Result<uint64_t> UnflushedLogBytes(Directory* directory, const ManifestState& state);

// The number that a segment of the log, or a manifest, gives itself in its header. kCorruption for
// a file that is neither.
Result<uint64_t> ReadSegmentNumber(ReadableFile* file);

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_DATABASE_FILES_H_
