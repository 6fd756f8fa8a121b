#include "tests/db/damage_testing.h"

#include <algorithm>
#include <random>
#include <utility>

#include "lsm/env/mem_env.h"
#include "lsm/version/file_names.h"
#include "lsm/version/version_set.h"
#include "lsm/wal/log_reader.h"
#include "tests/db/db_testing.h"

namespace lsm {
namespace {

std::string Number(uint64_t number) {
  std::string text = std::to_string(number);
  return std::string(3 - std::min<size_t>(text.size(), 3), '0') + text;
}

// The files of now, the manifests without most of the room for further edits: it would be what most
// of the time goes into.
DirectoryFiles SmallFiles(Env* env) {
  constexpr size_t kManifestSize = 4096;
  DirectoryFiles files = ReadDirectory(env, kDbPath);
  for (auto& [name, bytes] : files) {
    FileType type;
    uint64_t number;
    LogSegmentHeader header;
    uint32_t newer_version;
    if (!ParseFileName(name, &type, &number) || type != FileType::kManifest) continue;
    EXPECT_EQ(bytes.find_first_not_of('\0', kManifestSize), std::string::npos);
    EXPECT_TRUE(
        DecodeSegmentHeader(bytes.substr(0, kLogSegmentHeaderSize), &header, &newer_version));
    bytes.resize(kManifestSize);
    header.size = kManifestSize;
    EncodeSegmentHeader(header, bytes.data());
  }
  return files;
}

// Writes the history of a small database and remembers what must come of it. Nothing happens in it
// but what is asked for, so that its files are the same each time.
class Historian {
 public:
  Historian(SmallDatabase* database, const char* compression)
      : database_(database),
        options_(TinyOptions({{"write_buffer_size", "48KiB"},
                              {"block_size", "64"},
                              {"table_size", "16KiB"},
                              {"size_ratio", "8"},
                              {"background_threads", "1"},
                              {"compression", compression}})) {
    database_->models[0] = {};
  }

  void Open() { db_ = MustOpen(env_.get(), options_); }
  void Close() {
    Must(db_->Close());
    db_ = nullptr;
  }
  void Flush() {
    Must(db_->Flush());
    database_->flushed = sequence_;
  }
  void Compact() { Must(db_->CompactRange({"", InfiniteKey()}, nullptr)); }
  void EndStage() { database_->stages.push_back(SmallFiles(env_.get())); }

  // One batch that puts `count` keys of a family; every third value compresses badly.
  void PutSome(char family, uint64_t first, uint64_t count, bool sync = false) {
    WriteBatch batch;
    for (uint64_t i = first; i < first + count; ++i) {
      std::string value = "value of " + std::to_string(sequence_ + i) + std::string(i % 30, '.');
      if (i % 3 == 0) {
        for (char& byte : value) byte = static_cast<char>(random_());
      }
      Must(batch.Put(family + Number(i), value));
    }
    Write(batch, sync);
  }
  void DeleteSome(char family, uint64_t first, uint64_t count, uint64_t step, bool sync = false) {
    WriteBatch batch;
    for (uint64_t i = 0; i < count; ++i) Must(batch.Delete(family + Number(first + i * step)));
    Write(batch, sync);
  }
  void DeleteRange(char family, uint64_t first, uint64_t last, bool sync = false) {
    WriteBatch batch;
    Must(batch.DeleteRange(family + Number(first), family + Number(last)));
    Write(batch, sync);
  }

  // The files of this moment, as the last ones.
  void Finish() {
    database_->files = SmallFiles(env_.get());
    Close();
    for (const auto& [sequence, model] : database_->models) {
      for (const auto& [key, value] : model) database_->keys.insert(key);
    }
    for (const char* key : {"", "a", "k0", "k0005", "k999", "n", "z"}) database_->keys.insert(key);
  }

 private:
  void Write(const WriteBatch& batch, bool sync) {
    Model model = database_->rows();
    ApplyToModel(batch, &model);
    Must(db_->Write(batch, sync));
    sequence_ += batch.count();
    database_->models[sequence_] = std::move(model);
  }

  SmallDatabase* const database_;
  const Options options_;
  const std::unique_ptr<Env> env_ = NewMemEnv();
  std::shared_ptr<Db> db_;
  std::mt19937_64 random_{1};
  SequenceNumber sequence_ = 0;
};

void WriteHistory(SmallDatabaseKind kind, SmallDatabase* database) {
  Historian h(database, kind == SmallDatabaseKind::kRaw ? "none" : "zstd");
  h.Open();
  h.PutSome('k', 0, 3);
  h.EndStage();
  for (uint64_t i = 3; i < 120; i += 3) h.PutSome('k', i, 3);
  h.Flush();
  h.EndStage();
  h.Compact();
  h.EndStage();
  h.DeleteSome('k', 2, 10, 7);
  h.DeleteRange('k', 30, 36);
  h.PutSome('k', 33, 2);
  h.Flush();
  h.EndStage();
  h.PutSome('m', 0, 20);
  h.DeleteRange('m', 10, 13);
  h.Flush();
  h.EndStage();
  h.PutSome('n', 0, 4, /*sync=*/true);
  h.DeleteSome('k', 1, 2, 3);
  h.PutSome('k', 50, 2);
  h.EndStage();
  h.Close();

  h.Open();
  h.EndStage();
  h.PutSome('o', 0, 2);
  if (kind == SmallDatabaseKind::kReopened) {
    h.Close();
    h.Open();
    h.EndStage();
  } else {
    h.DeleteRange('k', 90, 95);
    h.Flush();
    h.EndStage();
  }
  h.PutSome('k', 10, 1);
  h.PutSome('o', 2, 3, /*sync=*/true);
  h.DeleteSome('k', 60, 2, 1);
  h.EndStage();
  h.DeleteRange('m', 2, 5, /*sync=*/true);
  h.PutSome('o', 5, 1);
  h.PutSome('p', 0, 4);
  h.DeleteSome('m', 0, 1, 1);
  h.Finish();
}

LogPicture PictureOf(Directory* directory, const DirectoryFiles& files,
                     const std::vector<uint64_t>& numbers, std::string (*name_of)(uint64_t)) {
  LogPicture picture;
  std::vector<LogReader::Segment> segments;
  for (const uint64_t number : numbers) {
    const std::string name = name_of(number);
    LogSegmentHeader header;
    uint32_t newer_version;
    const auto bytes = std::string_view(files.at(name)).substr(0, kLogSegmentHeaderSize);
    if (!DecodeSegmentHeader(bytes, &header, &newer_version)) header = {};
    picture.files.push_back(name);
    picture.headers_known_synced.push_back(header.known_synced);
    segments.push_back({number, directory->OpenForReading(name).Take()});
  }
  LogReader reader(std::move(segments));
  LogRecord record;
  Status status = reader.Next(&record);
  for (; status.ok(); status = reader.Next(&record)) {
    const size_t file = static_cast<size_t>(
        std::find(numbers.begin(), numbers.end(), record.segment_number) - numbers.begin());
    picture.places.push_back({.file = file,
                              .offset = record.offset,
                              .size = LogRecordSize(record.header.size),
                              .position = record.position,
                              .known_synced = record.header.known_synced,
                              .sequence = record.header.sequence,
                              .is_mark = record.header.kind == LogRecordKind::kMark});
  }
  EXPECT_TRUE(status.Is(Code::kEnd)) << status.ToString();
  return picture;
}

// Finds out what the manifest names.
void Describe(SmallDatabase* database) {
  const auto env = NewMemEnv();
  WriteDirectory(env.get(), kDbPath, database->files);
  const std::shared_ptr<Directory> directory =
      env->OpenDirectory(kDbPath, Env::OpenMode::kMustExist, nullptr).Take();
  const auto cache = std::make_shared<TableCache>(directory, TableReadOptions(), 16);
  {
    const auto versions = VersionSet::Recover(directory, cache).Take();
    const auto version = versions->current();
    for (const Level& level : version->levels()) database->levels += level.runs.empty() ? 0 : 1;
    version->VisitTables([&](const TableFile& file) {
      database->tables.emplace(TableFileName(file.meta().number), file.meta().range);
      database->deletions += file.meta().delete_count;
      database->range_deletions += file.meta().range_tombstone_count;
    });
    std::vector<uint64_t> logs;
    for (const LogSegmentRef& log : versions->logs()) logs.push_back(log.number);
    database->log = PictureOf(directory.get(), database->files, logs, LogFileName);
    database->manifest = ManifestFileName(versions->manifest_number());
    database->edits = PictureOf(directory.get(), database->files, {versions->manifest_number()},
                                ManifestFileName);
  }
  cache->Close();
  EpochDrain();
}

// What became of a log.
struct Loss {
  bool must_fail = false;
  bool may_fail = false;
  size_t first_lost = 0;  // of its places
};

Loss LossOf(const LogPicture& picture, const DirectoryFiles& good, const DirectoryFiles& image) {
  Loss loss;
  const auto intact = [&](size_t file, uint64_t offset, uint64_t size) {
    const auto found = image.find(picture.files[file]);
    if (found == image.end() || found->second.size() < offset + size) return false;
    return found->second.compare(offset, size, good.at(picture.files[file]), offset, size) == 0;
  };
  std::vector<bool> headers;
  for (size_t file = 0; file < picture.files.size(); ++file) {
    headers.push_back(intact(file, 0, kLogSegmentHeaderSize));
    const auto found = image.find(picture.files[file]);
    if (found == image.end() || found->second.size() < good.at(picture.files[file]).size()) {
      loss.must_fail = true;
    }
    // Whether it was ever begun is told by other things, too.
    if (!headers[file]) (file == 0 ? loss.must_fail : loss.may_fail) = true;
  }
  const auto& places = picture.places;
  const auto hit = [&](const LogPlace& place) {
    return !headers[place.file] || !intact(place.file, place.offset, place.size);
  };
  const auto first = std::find_if(places.begin(), places.end(), hit);
  loss.first_lost = static_cast<size_t>(first - places.begin());
  if (first == places.end()) return loss;
  for (auto place = first; place != places.end(); ++place) {
    if (!headers[place->file] || !intact(place->file, place->offset, kLogRecordHeaderSize)) {
      continue;
    }
    if (place->known_synced > first->position) loss.must_fail = true;
  }
  for (size_t file = first->file + 1; file < picture.files.size(); ++file) {
    if (headers[file] && picture.headers_known_synced[file] > first->position) {
      loss.must_fail = true;
    }
  }
  return loss;
}

}  // namespace

uint64_t LogPicture::UsedBytes(size_t file) const {
  uint64_t end = kLogSegmentHeaderSize;
  for (const LogPlace& place : places) {
    if (place.file == file) end = place.offset + place.size;
  }
  return end;
}

SmallDatabase MakeSmallDatabase(SmallDatabaseKind kind) {
  SmallDatabase database;
  WriteHistory(kind, &database);
  Describe(&database);
  return database;
}

Fate FateOf(const SmallDatabase& database, const DirectoryFiles& image) {
  Fate fate{.rows = &database.rows()};
  const auto same = [&](const std::string& name) {
    const auto found = image.find(name);
    return found != image.end() && found->second == database.files.at(name);
  };
  if (!same(std::string(kCurrentFileName))) fate.must_fail = true;

  const Loss edits = LossOf(database.edits, database.files, image);
  fate.must_fail |= edits.must_fail;
  for (size_t i = edits.first_lost; i < database.edits.places.size(); ++i) {
    if (!database.edits.places[i].is_mark) fate.may_fail = true;
  }

  for (const auto& [name, range] : database.tables) {
    if (same(name)) continue;
    const auto found = image.find(name);
    if (found == image.end() || found->second.size() != database.files.at(name).size()) {
      fate.must_fail = true;
    }
    fate.damaged_tables.emplace(name, range);
  }

  for (const std::string& name : database.log.files) {
    const auto found = image.find(name);
    const bool resized =
        found != image.end() && found->second.size() != database.files.at(name).size();
    if (resized) fate.must_fail = true;
  }
  const Loss log = LossOf(database.log, database.files, image);
  fate.must_fail |= log.must_fail;
  fate.may_fail |= log.may_fail;
  const auto lost_batch =
      std::find_if(database.log.places.begin() + static_cast<ptrdiff_t>(log.first_lost),
                   database.log.places.end(), [](const LogPlace& p) { return !p.is_mark; });
  if (lost_batch != database.log.places.end()) {
    fate.rows = &database.models.at(std::max(lost_batch->sequence - 1, database.flushed));
  }
  return fate;
}

}  // namespace lsm
