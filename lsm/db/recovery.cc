#include "lsm/db/recovery.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lsm/version/file_names.h"

namespace lsm {
namespace {

// Each open begins a segment, so short visits leave many. More than this would cost each open too
// much time and too many file descriptors.
constexpr size_t kMaxReplayedSegments = 16;

// What stands in a directory before a database is opened there.
struct DirectoryPicture {
  bool has_current = false;
  std::string data_file;     // a table or log, if there is one
  std::string foreign_file;  // a file that is not the engine's, if there is one
};

Result<DirectoryPicture> LookAround(Directory* directory) {
  DirectoryPicture picture;
  LSM_ASSIGN_OR_RETURN(const auto entries, directory->List());
  for (const DirectoryEntry& entry : entries) {
    FileType type;
    uint64_t number;
    if (!ParseFileName(entry.name, &type, &number)) {
      // What a fresh file system or a desktop puts everywhere does not make a directory somebody's.
      if (entry.name != "lost+found" && !entry.name.starts_with('.'))
        picture.foreign_file = entry.name;
      continue;
    }
    if (type == FileType::kCurrent) picture.has_current = true;
    if (type == FileType::kTable || type == FileType::kLog) picture.data_file = entry.name;
  }
  return picture;
}

Status CreateStorage(DbContext* context, const DirectoryPicture& picture) {
  const Directory& directory = *context->directory;
  if (!picture.data_file.empty()) {
    return Status::Corruption(directory.PathOf(kCurrentFileName), 0,
                              absl::StrCat("the file is missing beside ", picture.data_file,
                                           "; restore it from a backup"));
  }
  if (context->options.read_only || !context->options.create_if_missing) {
    return Status::FromErrno(ENOENT, "open: no lsm database here", directory.path());
  }
  if (!picture.foreign_file.empty()) {
    return Status::InvalidArgument(absl::StrCat(
        "directory ", directory.path(), " holds no lsm database but other files, such as ",
        picture.foreign_file, "; give a new or an empty directory"));
  }
  LSM_ASSIGN_OR_RETURN(context->versions, VersionSet::Create(context->directory, context->tables));
  return Status::Ok();
}

Result<std::vector<LogReader::Segment>> OpenSegments(Directory* directory,
                                                     const VersionSet& versions) {
  std::vector<LogReader::Segment> segments;
  for (const LogSegmentRef& log : versions.logs()) {
    LSM_ASSIGN_OR_RETURN(auto file, directory->OpenForReading(LogFileName(log.number)));
    segments.push_back({log.number, std::move(file)});
  }
  return segments;
}

// Takes the records of a log one after the other and checks what the format leaves to the engine.
class RecordChecker {
 public:
  explicit RecordChecker(Directory* directory) : directory_(directory) {}

  Status Check(const LogRecord& record) {
    if (record.keyspace != 0) {
      return Damage(record, absl::StrCat("the record is of keyspace ", record.keyspace,
                                         ", which this version does not know"))
          .WithCode(Code::kUnsupported);
    }
    const uint64_t first = record.header.sequence;
    BatchReader batch(record.batch);
    WriteOp op;
    while (batch.Next(&op)) {
    }
    if (!batch.ok()) return Damage(record, "the record holds no valid batch");
    if (first <= last_sequence_ || first > kMaxSequence - batch.count()) {
      return Damage(record, absl::StrCat("the batch has sequence number ", first,
                                         ", expected one above ", last_sequence_));
    }
    last_sequence_ = first + batch.count() - (batch.count() > 0 ? 1 : 0);
    return Status::Ok();
  }

  SequenceNumber last_sequence() const { return last_sequence_; }

 private:
  Status Damage(const LogRecord& record, std::string_view message) const {
    return Status::Corruption(directory_->PathOf(LogFileName(record.segment_number)), record.offset,
                              message);
  }

  Directory* const directory_;
  SequenceNumber last_sequence_ = 0;
};

// What the manifest knows of the log's end, which damage may have taken from the log itself.
Status CheckLogEnd(const Directory& directory, const VersionSet& versions, const LogEnd& end) {
  if (end.position >= versions.log_synced()) return Status::Ok();
  const std::vector<LogSegmentRef> logs = versions.logs();
  const uint64_t last = logs.empty() ? 0 : logs.back().number;
  return Status::Corruption(
      directory.PathOf(LogFileName(end.segment_number == 0 ? last : end.segment_number)),
      end.segment_number == 0 ? kLogSegmentHeaderSize : end.offset,
      absl::StrCat("the log ends at position ", end.position, ", but was synced up to position ",
                   versions.log_synced(), "; restore it from a backup"));
}

class Replayer {
 public:
  Replayer(DbContext* context, const std::function<Status(const RefPtr<MemTable>&)>& flush)
      : context_(context), flush_(flush) {}

  Status Apply(const LogRecord& record) {
    BatchReader batch(record.batch);
    LSM_RETURN_IF_ERROR(MakeRoom(record, batch.count()));
    SequenceNumber sequence = record.header.sequence;
    while (const size_t count = batch.Next(ops_)) {
      memtables_.front().table->Apply(std::span(ops_).first(count), sequence);
      sequence += count;
    }
    return Status::Ok();
  }

  std::vector<LoggedMemTable> Take() {
    std::erase_if(memtables_, [](const LoggedMemTable& m) { return m.table->empty(); });
    return std::move(memtables_);
  }

 private:
  Status MakeRoom(const LogRecord& record, uint32_t count) {
    const uint64_t bytes = record.batch.size();
    if (!memtables_.empty()) {
      const MemTable& active = *memtables_.front().table;
      const bool full = active.memory_used() >= context_->options.write_buffer_size;
      if (!full && active.HasRoomFor(bytes, count)) return Status::Ok();
    }
    while (flush_ && !memtables_.empty()) {
      LSM_RETURN_IF_ERROR(flush_(memtables_.back().table));
      memtables_.pop_back();
    }
    LSM_ASSIGN_OR_RETURN(auto fresh, context_->NewMemTable(MemTable::ArenaBytesFor(bytes, count)));
    memtables_.insert(memtables_.begin(), {std::move(fresh), record.segment_number});
    return Status::Ok();
  }

  DbContext* const context_;
  const std::function<Status(const RefPtr<MemTable>&)>& flush_;
  std::vector<LoggedMemTable> memtables_;  // newest first
  // Of the record at hand, most of which have one: to make them anew each time would cost more.
  std::array<WriteOp, MemTable::kOpsAtOnce> ops_;
};

Status ExplainUnopened(const Status& status, bool may_create) {
  switch (status.errnum()) {
    case ENOENT:
      return status.WithContext(
          may_create ? "the directory to make the database in does not exist; make it first"
                     : "there is no database; check the path, or let it be created "
                       "(create_if_missing)");
    case ENOTDIR:
      return status.WithContext("a database is a directory; give the path of one");
    default:
      return status;
  }
}

}  // namespace

Status OpenStorage(DbContext* context, const std::string& path) {
  const Options& options = context->options;
  const bool may_create = options.create_if_missing && !options.read_only;
  bool created = false;
  auto opened = context->env->OpenDirectory(
      path, may_create ? Env::OpenMode::kCreateIfMissing : Env::OpenMode::kMustExist, &created);
  if (!opened.ok()) return ExplainUnopened(opened.status(), may_create);
  context->directory = opened.Take();
  bool locked = false;
  const auto open = [&]() -> Status {
    LSM_RETURN_IF_ERROR(context->directory->Lock(
        options.read_only ? Directory::LockKind::kShared : Directory::LockKind::kExclusive));
    locked = true;
    context->tables = std::make_shared<TableCache>(
        context->directory,
        TableReadOptions{.cache = context->block_cache.get(), .map = options.mmap_reads},
        options.max_open_tables);
    LSM_ASSIGN_OR_RETURN(const DirectoryPicture picture, LookAround(context->directory.get()));
    if (!picture.has_current) return CreateStorage(context, picture);
    if (options.error_if_exists) {
      return Status(Code::kExists,
                    absl::StrCat("there is a database in ", path, " and error_if_exists is set"));
    }
    LSM_ASSIGN_OR_RETURN(context->versions,
                         VersionSet::Recover(context->directory, context->tables));
    return Status::Ok();
  };
  const Status status = open();
  // Fails, and is to fail, where something was put there meanwhile. Where another opener has the
  // lock, the directory is theirs already.
  if (!status.ok() && created && locked) (void)context->env->RemoveDirectory(path);
  return status;
}

bool IsLogTooLong(const DbContext& context) {
  const std::vector<LogSegmentRef> logs = context.versions->logs();
  uint64_t size = 0;
  for (const LogSegmentRef& log : logs) size += log.size;
  return logs.size() > kMaxReplayedSegments ||
         size > 2 * kMaxMemtables * context.options.write_buffer_size + 16 * kMiB;
}

Status ReplayedLog::Flush(const std::function<Status(const RefPtr<MemTable>&)>& flush,
                          const std::vector<LogSegmentRef>& segments) {
  for (; !memtables.empty(); memtables.pop_back()) {
    LSM_RETURN_IF_ERROR(flush(memtables.back().table));
  }
  void_segments.clear();
  for (const LogSegmentRef& segment : segments) void_segments.push_back(segment.number);
  return Status::Ok();
}

Result<ReplayedLog> ReplayLog(DbContext* context,
                              const std::function<Status(const RefPtr<MemTable>&)>& flush) {
  LSM_ASSIGN_OR_RETURN(auto segments, OpenSegments(context->directory.get(), *context->versions));
  std::vector<uint64_t> numbers;
  for (const auto& segment : segments) numbers.push_back(segment.number);

  LogReader reader(std::move(segments));
  RecordChecker checker(context->directory.get());
  Replayer replayer(context, flush);
  while (true) {
    LogRecord record;
    const Status status = reader.Next(&record);
    if (status.Is(Code::kEnd)) break;
    LSM_RETURN_IF_ERROR(status);
    if (record.header.kind == LogRecordKind::kMark) continue;
    LSM_RETURN_IF_ERROR(checker.Check(record));
    LSM_RETURN_IF_ERROR(replayer.Apply(record));
  }
  LSM_RETURN_IF_ERROR(CheckLogEnd(*context->directory, *context->versions, reader.end()));
  ReplayedLog replayed;
  replayed.memtables = replayer.Take();
  replayed.end = reader.end().position;
  replayed.last_sequence = std::max(checker.last_sequence(), context->versions->last_sequence());
  replayed.void_segments.assign(
      numbers.begin() + static_cast<ptrdiff_t>(reader.end().first_unused_segment), numbers.end());
  return replayed;
}

Status SyncReplayedLog(const DbContext& context, const ReplayedLog& log) {
  LSM_ASSIGN_OR_RETURN(const auto segments,
                       OpenSegments(context.directory.get(), *context.versions));
  const auto& unused = log.void_segments;
  for (const LogReader::Segment& segment : segments) {
    if (std::find(unused.begin(), unused.end(), segment.number) != unused.end()) continue;
    LSM_RETURN_IF_ERROR(segment.file->Sync());
  }
  return Status::Ok();
}

Status CheckLog(Directory* directory, const VersionSet& versions,
                const std::function<Status(uint64_t bytes)>& visit) {
  LSM_ASSIGN_OR_RETURN(auto segments, OpenSegments(directory, versions));
  LogReader reader(std::move(segments));
  RecordChecker checker(directory);
  while (true) {
    LogRecord record;
    const Status status = reader.Next(&record);
    if (status.Is(Code::kEnd)) return CheckLogEnd(*directory, versions, reader.end());
    LSM_RETURN_IF_ERROR(status);
    if (record.header.kind == LogRecordKind::kBatch) LSM_RETURN_IF_ERROR(checker.Check(record));
    if (visit) LSM_RETURN_IF_ERROR(visit(LogRecordSize(record.header.size)));
  }
}

}  // namespace lsm
