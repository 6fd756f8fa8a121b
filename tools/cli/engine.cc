#include "tools/cli/engine.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lsm::cli {
namespace {

constexpr size_t kRowsPerCall = 256;

struct OptionsDeleter {
  void operator()(lsm_options* options) const { lsm_options_destroy(options); }
};
using OptionsPtr = std::unique_ptr<lsm_options, OptionsDeleter>;

Status SetOption(lsm_options* options, const std::string& name, const std::string& value) {
  lsm_error* error = nullptr;
  const lsm_status status = lsm_options_set(options, name.c_str(), value.c_str(), &error);
  return ToStatus(status, error);
}

Result<OptionsPtr> CommandLineOptions(const Context& context) {
  OptionsPtr options(lsm_options_create());
  if (options == nullptr) return Status::OutOfMemory();
  for (const std::string& option : context.engine_options) {
    const size_t equals = option.find('=');
    if (equals == std::string::npos) {
      return Status::InvalidArgument(
          absl::StrCat("--option ", option, ": expected name=value, e.g. memory_budget=1GiB"));
    }
    LSM_RETURN_IF_ERROR(
        SetOption(options.get(), option.substr(0, equals), option.substr(equals + 1)));
  }
  return options;
}

Result<lsm_db*> OpenHandle(const std::string& path, const lsm_options* options) {
  lsm_db* db = nullptr;
  lsm_error* error = nullptr;
  const lsm_status status = lsm_open(path.c_str(), options, &db, &error);
  if (status != LSM_OK) return ToStatus(status, error);
  return db;
}

const void* BoundData(const std::optional<std::string>& bound) {
  return bound ? bound->data() : nullptr;
}
size_t BoundSize(const std::optional<std::string>& bound) { return bound ? bound->size() : 0; }

}  // namespace

Status ToStatus(lsm_status code, lsm_error* error) {
  if (code == LSM_OK) return Status::Ok();
  if (error == nullptr) return Status(static_cast<Code>(code));
  Status status(static_cast<Code>(code), lsm_error_message(error));
  if (const char* file = lsm_error_file(error); file != nullptr) {
    status = Status::Corruption(file, lsm_error_offset(error), lsm_error_message(error))
                 .WithCode(static_cast<Code>(code));
  }
  lsm_error_free(error);
  return status;
}

Result<Database> Database::Open(const Context& context, const std::string& path, Mode mode) {
  LSM_ASSIGN_OR_RETURN(const OptionsPtr options, CommandLineOptions(context));
  LSM_RETURN_IF_ERROR(SetOption(options.get(), "mmap_reads", "false"));
  if (mode == Mode::kLook) LSM_RETURN_IF_ERROR(SetOption(options.get(), "read_only", "true"));
  if (mode != Mode::kCreate) {
    LSM_RETURN_IF_ERROR(SetOption(options.get(), "create_if_missing", "false"));
  }
  LSM_ASSIGN_OR_RETURN(lsm_db * db, OpenHandle(path, options.get()));
  return Database(db);
}

Result<Database> Database::OpenPlain(const Context& context, const std::string& path) {
  LSM_ASSIGN_OR_RETURN(const OptionsPtr options, CommandLineOptions(context));
  LSM_ASSIGN_OR_RETURN(lsm_db * db, OpenHandle(path, options.get()));
  return Database(db);
}

Status Database::Put(std::string_view key, std::string_view value, uint32_t flags) const {
  lsm_error* error = nullptr;
  const lsm_status status =
      lsm_put(db_.get(), key.data(), key.size(), value.data(), value.size(), flags, &error);
  return ToStatus(status, error);
}

Status Database::Delete(std::string_view key, uint32_t flags) const {
  lsm_error* error = nullptr;
  const lsm_status status = lsm_delete(db_.get(), key.data(), key.size(), flags, &error);
  return ToStatus(status, error);
}

Status Database::Get(std::string_view key, std::string* value) const {
  lsm_error* error = nullptr;
  lsm_value found;
  const lsm_status status = lsm_get(db_.get(), nullptr, key.data(), key.size(), &found, &error);
  if (status == LSM_OK) {
    value->assign(static_cast<const char*>(found.data), found.size);
    lsm_value_release(&found);
  }
  return ToStatus(status, error);
}

Status Database::Write(const lsm_batch* batch, uint32_t flags) const {
  lsm_error* error = nullptr;
  const lsm_status status = lsm_write(db_.get(), batch, flags, &error);
  return ToStatus(status, error);
}

Status Database::Flush() const {
  lsm_error* error = nullptr;
  const lsm_status status = lsm_flush(db_.get(), &error);
  return ToStatus(status, error);
}

Result<std::string> Database::Property(const char* name) const {
  lsm_error* error = nullptr;
  char* text = nullptr;
  const lsm_status status = lsm_property(db_.get(), name, &text, &error);
  if (status != LSM_OK) return ToStatus(status, error);
  std::string property(text);
  lsm_string_free(text);
  return property;
}

Result<IterPtr> Database::NewIterator(const KeyBounds& range) const {
  lsm_error* error = nullptr;
  lsm_iter* iter = nullptr;
  const lsm_status status =
      lsm_iter_create(db_.get(), nullptr, BoundData(range.from), BoundSize(range.from),
                      BoundData(range.to), BoundSize(range.to), &iter, &error);
  if (status != LSM_OK) return ToStatus(status, error);
  return IterPtr(iter);
}

Status Database::Scan(const KeyBounds& range, const RowVisitor& visit) const {
  if (range.empty) return Status::Ok();
  LSM_ASSIGN_OR_RETURN(const IterPtr iter, NewIterator(range));
  lsm_error* error = nullptr;
  lsm_status status = lsm_iter_seek_first(iter.get(), &error);
  std::array<lsm_row, kRowsPerCall> rows;
  while (status == LSM_OK) {
    size_t count = 0;
    status = lsm_iter_next_n(iter.get(), rows.data(), rows.size(), &count, &error);
    for (size_t i = 0; i < count; ++i) {
      const Status visited = visit(rows[i]);
      if (visited.ok()) continue;
      lsm_error_free(error);
      return visited.Is(Code::kEnd) ? Status::Ok() : visited;
    }
  }
  return status == LSM_END ? Status::Ok() : ToStatus(status, error);
}

Status Database::Close() {
  lsm_error* error = nullptr;
  const lsm_status status = lsm_close(db_.release(), &error);
  return ToStatus(status, error);
}

}  // namespace lsm::cli
