#include "lsm/version/manifest.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lsm/base/hash.h"
#include "lsm/base/limits.h"
#include "lsm/version/file_names.h"
#include "lsm/wal/log_reader.h"

namespace lsm {
namespace {

// Room for some hundred edits; a large state gets as much again for its changes.
constexpr uint64_t kMinManifestSize = 256 * kKiB;

std::string CurrentFileContent(uint64_t number) {
  const std::string name = ManifestFileName(number);
  return absl::StrCat(name, " ", absl::Hex(Checksum64(name, 0), absl::kZeroPad16), "\n");
}

// More than any valid content of CURRENT: enough to tell that the file is not ours.
Result<std::string> ReadStart(ReadableFile* file) {
  constexpr uint64_t kLongest = 128;
  std::string content(std::min(file->size(), kLongest), '\0');
  LSM_RETURN_IF_ERROR(file->Read(0, content.size(), content.data()));
  return content;
}

}  // namespace

Result<std::unique_ptr<ManifestWriter>> ManifestWriter::Create(Directory* directory,
                                                               uint64_t number,
                                                               const VersionEdit& state) {
  const std::string bytes = EncodeVersionEdit(state);
  const uint64_t size = std::max(kMinManifestSize, 2 * bytes.size() + kMinManifestSize / 2);
  LSM_ASSIGN_OR_RETURN(auto file, directory->CreateLog(ManifestFileName(number), size));
  LSM_ASSIGN_OR_RETURN(auto log, LogWriter::Create(std::move(file), number, /*base=*/0,
                                                   /*known_synced=*/0));
  std::unique_ptr<ManifestWriter> writer(new ManifestWriter(std::move(log)));
  LSM_RETURN_IF_ERROR(writer->Append(bytes));
  return writer;
}

bool ManifestWriter::HasRoomFor(const std::string& encoded_edit) const {
  // The mark behind it must fit too.
  return log_->HasRoomFor(encoded_edit.size() + LogRecordSize(0));
}

Status ManifestWriter::Append(const std::string& encoded_edit) {
  const std::array<std::string_view, 1> parts = {encoded_edit};
  LSM_RETURN_IF_ERROR(log_->Append(parts, /*sequence=*/0));
  LSM_RETURN_IF_ERROR(log_->Sync());
  return log_->AppendMark();
}

Status SetCurrentManifest(Directory* directory, uint64_t number) {
  // A leftover of a crash may stand in the way.
  LSM_ASSIGN_OR_RETURN(const auto entries, directory->List());
  for (const DirectoryEntry& entry : entries) {
    if (entry.name == kCurrentTempFileName) {
      LSM_RETURN_IF_ERROR(directory->Remove(kCurrentTempFileName));
    }
  }
  LSM_ASSIGN_OR_RETURN(auto file, directory->Create(kCurrentTempFileName));
  LSM_RETURN_IF_ERROR(file->Append(CurrentFileContent(number)));
  LSM_RETURN_IF_ERROR(file->Sync());
  LSM_RETURN_IF_ERROR(file->Close());
  LSM_RETURN_IF_ERROR(directory->Rename(kCurrentTempFileName, kCurrentFileName));
  return directory->Sync();
}

Result<uint64_t> ReadCurrentManifest(Directory* directory) {
  LSM_ASSIGN_OR_RETURN(auto file, directory->OpenForReading(kCurrentFileName));
  LSM_ASSIGN_OR_RETURN(const std::string content, ReadStart(file.get()));
  const std::string_view name = std::string_view(content).substr(0, content.find(' '));
  FileType type;
  uint64_t number;
  if (!ParseFileName(name, &type, &number) || type != FileType::kManifest ||
      content != CurrentFileContent(number)) {
    return Status::Corruption(file->path(), 0,
                              "expected the name of a manifest and its checksum; this is no lsm "
                              "database, or the file is damaged: restore it from a backup");
  }
  return number;
}

Result<bool> IsAnotherEngines(Directory* directory) {
  auto file = directory->OpenForReading(kCurrentFileName);
  // Whatever stands there instead, or nothing, is not theirs.
  if (!file.ok()) return false;
  LSM_ASSIGN_OR_RETURN(std::string content, ReadStart(file->get()));
  if (!content.ends_with('\n')) return false;
  content.pop_back();
  FileType type;
  uint64_t number;
  return ParseFileName(content, &type, &number) && type == FileType::kManifest;
}

Status ReadManifest(std::unique_ptr<ReadableFile> file, uint64_t number,
                    const std::function<Status(const ManifestRecord&)>& visit) {
  const std::string path = file->path();
  std::vector<LogReader::Segment> segments;
  segments.push_back({number, std::move(file)});
  LogReader reader(std::move(segments));
  bool any = false;
  while (true) {
    LogRecord record;
    const Status status = reader.Next(&record);
    if (status.Is(Code::kEnd)) break;
    LSM_RETURN_IF_ERROR(status);
    ManifestRecord manifest_record = {.offset = record.offset,
                                      .size = LogRecordSize(record.header.size),
                                      .is_mark = record.header.kind == LogRecordKind::kMark};
    if (!manifest_record.is_mark) {
      bool unsupported;
      if (!DecodeVersionEdit(record.batch, &manifest_record.edit, &unsupported)) {
        if (unsupported) {
          return Status::Corruption(path, record.offset,
                                    "the edit has a field that this version does not know; open "
                                    "the database with the release that wrote it")
              .WithCode(Code::kUnsupported);
        }
        return Status::Corruption(path, record.offset, "the record holds no version edit");
      }
      any = true;
    }
    LSM_RETURN_IF_ERROR(visit(manifest_record));
  }
  if (any) return Status::Ok();
  return Status::Corruption(path, kLogSegmentHeaderSize,
                            "the manifest holds no record; restore it from a backup");
}

}  // namespace lsm
