// The manifest: the log of version edits from which an open rebuilds the tree.
//
// A manifest file is one log segment (lsm/wal/log_format.h) with number = its own and base = 0,
// whose records hold version edits (version_edit.h) in place of batches. Its first record describes
// a whole state; the others change it. Every record is synced before anybody acts on it, and a mark
// follows, so that damage to it is known for rot. When a file is full, the next begins with the
// state of that moment.
//
//   CURRENT := manifest_name ' ' sum:16 '\n'       sum: Checksum64 of the name, seed 0, in hex
//
// CURRENT is replaced by writing CURRENT.tmp, syncing it, renaming it over CURRENT and syncing the
// directory, after the new manifest was synced: at every moment it names a whole one.

#ifndef LSM_VERSION_MANIFEST_H_
#define LSM_VERSION_MANIFEST_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "lsm/base/status.h"
#include "lsm/env/env.h"
#include "lsm/version/version_edit.h"
#include "lsm/wal/log_writer.h"

namespace lsm {

class ManifestWriter {
 public:
  // A new file, durable with `state` as its first record; nothing names it yet.
  static Result<std::unique_ptr<ManifestWriter>> Create(Directory* directory, uint64_t number,
                                                        const VersionEdit& state);
  bool HasRoomFor(const std::string& encoded_edit) const;
  // Durable on return. A failure poisons the writer: what the file holds is unknown.
  Status Append(const std::string& encoded_edit);
  uint64_t number() const { return log_->number(); }

 private:
  explicit ManifestWriter(std::unique_ptr<LogWriter> log) : log_(std::move(log)) {}

  std::unique_ptr<LogWriter> log_;
};

// Makes `number` the manifest in force, durably.
Status SetCurrentManifest(Directory* directory, uint64_t number);
// kIoError with ENOENT where there is no CURRENT.
Result<uint64_t> ReadCurrentManifest(Directory* directory);

// Whether CURRENT is as LevelDB and its kin write it, whose files have the same names as ours: the
// name of a manifest and a newline, without a checksum.
Result<bool> IsAnotherEngines(Directory* directory);

// One record of a manifest, for recovery and for tools.
struct ManifestRecord {
  uint64_t offset = 0;
  uint64_t size = 0;
  bool is_mark = false;
  VersionEdit edit;
};
// Calls `visit` for each record in order until it fails. The file must hold one whole record at
// least. kCorruption with file and offset for what is no manifest of that number or damaged.
Status ReadManifest(std::unique_ptr<ReadableFile> file, uint64_t number,
                    const std::function<Status(const ManifestRecord&)>& visit);

}  // namespace lsm

#endif  // LSM_VERSION_MANIFEST_H_
