// A small database as bytes, and the oracle that damaged copies of it are held against.
//
// What a damaged image must answer is derived from FORMAT.md and from the bytes that differ, not
// from what the engine says:
// - A table whose bytes differ is found by VerifyPath; keys inside its range are answered rightly
//   or with kCorruption, all others rightly. One that is missing, cut or grown is refused at once.
// - Records of the log end at the first one that was hit. That is refused where anything intact
//   tells that the log was durable beyond; otherwise it is a torn tail, and the rows are exactly
//   those of the records before it.
// - The manifest is such a log too, but what it lost must not change a row: the right answer or an
//   error.
// - CURRENT has no byte to spare.

#ifndef LSM_TESTS_DB_DAMAGE_TESTING_H_
#define LSM_TESTS_DB_DAMAGE_TESTING_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lsm/base/entry.h"
#include "lsm/version/version_edit.h"
#include "lsm/wal/log_format.h"
#include "tests/db/model.h"
#include "tests/env/directory_files.h"

namespace lsm {

// Where a record stands.
struct LogPlace {
  size_t file = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
  LogPosition position = 0;
  LogPosition known_synced = 0;
  SequenceNumber sequence = 0;
  bool is_mark = false;
};

// The segments of a log, or a manifest.
struct LogPicture {
  std::vector<std::string> files;
  std::vector<LogPosition> headers_known_synced;  // 0 for a segment that was not yet begun
  std::vector<LogPlace> places;

  // Where the records of files[file] end.
  uint64_t UsedBytes(size_t file) const;
};

enum class SmallDatabaseKind {
  kCompressed,  // two levels with deletions, a manifest of several edits, two live log segments
  kRaw,         // the same, without compression
  kReopened,    // the last edit of the manifest names the segment that all new rows went to
};

struct SmallDatabase {
  DirectoryFiles files;                    // as a crash of the process would leave them
  std::vector<DirectoryFiles> stages;      // as they were at moments before, oldest first
  std::map<SequenceNumber, Model> models;  // the rows after the write that ended with this number
  SequenceNumber flushed = 0;              // the writes up to this number stand in tables
  std::set<std::string> keys;              // all that were ever written, and some that never were

  // What the manifest in force names.
  std::string manifest;
  std::map<std::string, KeyRange> tables;
  size_t levels = 0;
  uint64_t deletions = 0;
  uint64_t range_deletions = 0;
  LogPicture log;
  LogPicture edits;

  const Model& rows() const { return models.rbegin()->second; }
};

// The same bytes each time.
SmallDatabase MakeSmallDatabase(SmallDatabaseKind kind);

// What an image of the database must answer.
struct Fate {
  bool must_fail = false;  // to open
  bool may_fail = false;   // to open
  const Model* rows = nullptr;
  std::map<std::string, KeyRange> damaged_tables;
};
Fate FateOf(const SmallDatabase& database, const DirectoryFiles& image);

// How an image is looked at.
struct LookOptions {
  bool mmap_reads = true;
  bool compact = false;  // a full compaction too
  bool again = true;     // a second open after that; in any case where rows were lost
};
// Verifies the image, opens it in both ways, reads all, and opens it again. What was wrong with
// that, in lines; "" where each answer was what `fate` allows.
std::string LookForTrouble(const SmallDatabase& database, const Fate& fate,
                           const DirectoryFiles& image, const LookOptions& options);

}  // namespace lsm

#endif  // LSM_TESTS_DB_DAMAGE_TESTING_H_
