// The engine as the commands use it: lsm.h with its handles owned and its errors as Status.

#ifndef LSM_TOOLS_CLI_ENGINE_H_
#define LSM_TOOLS_CLI_ENGINE_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "capi/lsm.h"
#include "lsm/base/status.h"
#include "tools/cli/context.h"

namespace lsm::cli {

// Takes the error and frees it. `error` may be null.
Status ToStatus(lsm_status code, lsm_error* error);

struct BatchDeleter {
  void operator()(lsm_batch* batch) const { lsm_batch_destroy(batch); }
};
using BatchPtr = std::unique_ptr<lsm_batch, BatchDeleter>;

struct IterDeleter {
  void operator()(lsm_iter* iter) const { lsm_iter_destroy(iter); }
};
using IterPtr = std::unique_ptr<lsm_iter, IterDeleter>;

class Database {
 public:
  enum class Mode {
    kLook,    // read only; nothing is made or changed
    kChange,  // must exist
    kCreate,  // made where missing
  };
  // With the command line's --option on top of what the tool sets. Tables are read through plain
  // reads, so that a failing disk is an error and not a signal.
  static Result<Database> Open(const Context& context, const std::string& path, Mode mode);
  // For measurements: nothing but the command line's options.
  static Result<Database> OpenPlain(const Context& context, const std::string& path);

  // What closing finds matters after writes: use Close().
  ~Database() = default;
  Database(Database&&) = default;
  Database& operator=(Database&&) = default;

  lsm_db* handle() const { return db_.get(); }

  Status Put(std::string_view key, std::string_view value, uint32_t flags) const;
  Status Delete(std::string_view key, uint32_t flags) const;
  // kNotFound where there is none. The value is copied.
  Status Get(std::string_view key, std::string* value) const;
  Status Write(const lsm_batch* batch, uint32_t flags) const;
  Status Flush() const;
  Result<std::string> Property(const char* name) const;
  Result<IterPtr> NewIterator(const KeyBounds& range) const;

  using RowVisitor = std::function<Status(const lsm_row& row)>;
  // Every row of the range in order until the visitor answers something else than OK, which is
  // returned (End: as OK).
  Status Scan(const KeyBounds& range, const RowVisitor& visit) const;

  // No call may follow.
  Status Close();

 private:
  struct Closer {
    void operator()(lsm_db* db) const { (void)lsm_close(db, nullptr); }
  };
  explicit Database(lsm_db* db) : db_(db) {}

  std::unique_ptr<lsm_db, Closer> db_;
};

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_ENGINE_H_
