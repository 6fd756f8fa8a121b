#include "tools/cli/database_files.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lsm/base/limits.h"
#include "lsm/version/file_names.h"
#include "lsm/version/manifest.h"
#include "lsm/wal/log_format.h"

namespace lsm::cli {

Result<std::unique_ptr<Directory>> OpenForLooking(const std::string& path) {
  LSM_ASSIGN_OR_RETURN(
      std::unique_ptr<Directory> directory,
      Env::Posix()->OpenDirectory(path, Env::OpenMode::kMustExist, /*created=*/nullptr));
  LSM_RETURN_IF_ERROR(directory->Lock(Directory::LockKind::kShared));
  return directory;
}

Result<ManifestState> ReadManifestState(Directory* directory) {
  ManifestState state;
  LSM_ASSIGN_OR_RETURN(state.manifest_number, ReadCurrentManifest(directory));
  LSM_ASSIGN_OR_RETURN(std::unique_ptr<ReadableFile> file,
                       directory->OpenForReading(ManifestFileName(state.manifest_number)));
  std::map<uint64_t, uint64_t> logs;  // number -> size
  std::map<std::tuple<uint32_t, uint64_t, std::string>, AddedSlice> slices;
  LSM_RETURN_IF_ERROR(
      ReadManifest(std::move(file), state.manifest_number, [&](const ManifestRecord& record) {
        for (const LogSegmentRef& log : record.edit.added_logs) logs[log.number] = log.size;
        for (const uint64_t number : record.edit.removed_logs) logs.erase(number);
        for (const RemovedSlice& slice : record.edit.removed_slices) {
          slices.erase({slice.level, slice.run_id, slice.begin});
        }
        for (const AddedSlice& slice : record.edit.added_slices) {
          slices[{slice.level, slice.run_id, slice.range.begin}] = slice;
        }
        return Status::Ok();
      }));
  for (const auto& [number, size] : logs) state.logs.push_back({number, size});
  for (auto& [place, slice] : slices) state.slices.push_back(std::move(slice));
  return state;
}

Result<LogReader> OpenLogReader(Directory* directory, const ManifestState& state) {
  std::vector<LogReader::Segment> segments;
  for (const LogSegmentRef& segment : state.logs) {
    LSM_ASSIGN_OR_RETURN(std::unique_ptr<ReadableFile> file,
                         directory->OpenForReading(LogFileName(segment.number)));
    segments.push_back({segment.number, std::move(file)});
  }
  return LogReader(std::move(segments));
}

Result<uint64_t> UnflushedLogBytes(Directory* directory, const ManifestState& state) {
  LSM_ASSIGN_OR_RETURN(LogReader reader, OpenLogReader(directory, state));
  uint64_t bytes = 0;
  LogRecord record;
  while (true) {
    const Status next = reader.Next(&record);
    if (next.Is(Code::kEnd)) return bytes;
    LSM_RETURN_IF_ERROR(next);
    bytes += record.batch.size();
  }
}

Result<uint64_t> ReadSegmentNumber(ReadableFile* file) {
  constexpr std::string_view kExpected =
      "no segment of a log or manifest: expected its header at the start of the file";
  std::string bytes(kLogSegmentHeaderSize, '\0');
  if (file->size() < bytes.size()) return Status::Corruption(file->path(), 0, kExpected);
  LSM_RETURN_IF_ERROR(file->Read(0, bytes.size(), bytes.data()));
  LogSegmentHeader header;
  uint32_t newer_version = 0;
  if (DecodeSegmentHeader(bytes, &header, &newer_version)) return header.number;
  if (newer_version == 0) return Status::Corruption(file->path(), 0, kExpected);
  return Status::Corruption(
             file->path(), 0,
             absl::StrCat("written in version ", newer_version,
                          " of the log's format, which is newer than this program's"))
      .WithCode(Code::kUnsupported);
}

}  // namespace lsm::cli
