#include <lmdb.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "tools/compare/engine.h"

namespace lsm::compare {
namespace {

// Of address space; the file is sparse.
constexpr size_t kMapSize = size_t{64} << 30;

void Check(std::string_view what, int code) {
  if (code != 0) Die(what, mdb_strerror(code));
}

MDB_val ToVal(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

// A read transaction and a cursor in it, which are costly to make and cheap to renew.
class View {
 public:
  View(MDB_env* env, MDB_dbi dbi) {
    Check("read transaction", mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn_));
    Check("cursor", mdb_cursor_open(txn_, dbi, &cursor_));
    mdb_txn_reset(txn_);
  }
  ~View() {
    mdb_cursor_close(cursor_);
    mdb_txn_abort(txn_);
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  // From here to Reset() the database stands still for it.
  void Renew() { Check("read transaction", mdb_txn_renew(txn_)); }
  void RenewCursor() { Check("cursor", mdb_cursor_renew(txn_, cursor_)); }
  void Reset() { mdb_txn_reset(txn_); }
  MDB_txn* txn() { return txn_; }
  MDB_cursor* cursor() { return cursor_; }

 private:
  MDB_txn* txn_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
};

class LmdbCursor final : public Cursor {
 public:
  // Gives the view back to *home.
  LmdbCursor(std::unique_ptr<View> view, std::unique_ptr<View>* home)
      : view_(std::move(view)), home_(home) {
    view_->Renew();
    view_->RenewCursor();
  }
  ~LmdbCursor() override {
    view_->Reset();
    *home_ = std::move(view_);
  }

  void SeekFirst() override { Move(MDB_FIRST); }
  void SeekLast() override { Move(MDB_LAST); }
  void Seek(std::string_view key) override {
    key_ = ToVal(key);
    Move(MDB_SET_RANGE);
  }
  uint64_t Forward(uint64_t limit, Tally* tally) override { return Walk(limit, MDB_NEXT, tally); }
  uint64_t Backward(uint64_t limit, Tally* tally) override { return Walk(limit, MDB_PREV, tally); }

 private:
  void Move(MDB_cursor_op op) {
    const int code = mdb_cursor_get(view_->cursor(), &key_, &value_, op);
    on_row_ = code == 0;
    if (code != MDB_NOTFOUND) Check("cursor", code);
  }
  uint64_t Walk(uint64_t limit, MDB_cursor_op op, Tally* tally) {
    uint64_t count = 0;
    for (; on_row_ && count < limit; ++count) {
      tally->See(static_cast<const char*>(value_.mv_data), value_.mv_size);
      Move(op);
    }
    return count;
  }

  std::unique_ptr<View> view_;
  std::unique_ptr<View>* home_;
  MDB_val key_ = {};
  MDB_val value_ = {};
  bool on_row_ = false;
};

class LmdbSession final : public Session {
 public:
  LmdbSession(MDB_env* env, MDB_dbi dbi) : env_(env), dbi_(dbi), gets_(env, dbi) {}

  // A sync is a matter of how the environment was opened.
  void Put(std::string_view key, std::string_view value, bool) override {
    MDB_txn* txn = Begin();
    PutIn(txn, key, value);
    Check("commit", mdb_txn_commit(txn));
  }

  void PutBatch(std::span<const Row> rows) override {
    MDB_txn* txn = Begin();
    for (const auto& [key, value] : rows) PutIn(txn, key, value);
    Check("commit", mdb_txn_commit(txn));
  }

  bool Get(std::string_view key, Tally* tally) override {
    gets_.Renew();
    MDB_val wanted = ToVal(key);
    MDB_val value;
    const int code = mdb_get(gets_.txn(), dbi_, &wanted, &value);
    if (code == 0) tally->See(static_cast<const char*>(value.mv_data), value.mv_size);
    gets_.Reset();
    if (code == MDB_NOTFOUND) return false;
    Check("get", code);
    return true;
  }

  std::unique_ptr<Cursor> NewCursor() override {
    std::unique_ptr<View> view = std::move(spare_);
    if (view == nullptr) view = std::make_unique<View>(env_, dbi_);
    return std::make_unique<LmdbCursor>(std::move(view), &spare_);
  }

 private:
  MDB_txn* Begin() {
    MDB_txn* txn = nullptr;
    Check("write transaction", mdb_txn_begin(env_, nullptr, 0, &txn));
    return txn;
  }
  void PutIn(MDB_txn* txn, std::string_view key, std::string_view value) {
    MDB_val key_val = ToVal(key);
    MDB_val value_val = ToVal(value);
    Check("put", mdb_put(txn, dbi_, &key_val, &value_val, 0));
  }

  MDB_env* env_;
  MDB_dbi dbi_;
  View gets_;
  std::unique_ptr<View> spare_;
};

class LmdbEngine final : public Engine {
 public:
  explicit LmdbEngine(const EngineOptions& options) {
    if (mkdir(options.path.c_str(), 0777) != 0 && errno != EEXIST) {
      Die("directory", options.path);
    }
    Check("environment", mdb_env_create(&env_));
    Check("map size", mdb_env_set_mapsize(env_, kMapSize));
    // Without syncs, a commit through a writable map survives the process as the others' logs do,
    // at a fifth of the processor time that writing pages takes. Where each commit is synced, the
    // map gains nothing. Sessions, not threads, hold read transactions.
    const unsigned durability = options.synced_writes ? 0 : MDB_WRITEMAP | MDB_NOSYNC;
    Check("open", mdb_env_open(env_, options.path.c_str(), durability | MDB_NOTLS, 0666));
    MDB_txn* txn = nullptr;
    Check("write transaction", mdb_txn_begin(env_, nullptr, 0, &txn));
    Check("database", mdb_dbi_open(txn, nullptr, 0, &dbi_));
    Check("commit", mdb_txn_commit(txn));
  }
  ~LmdbEngine() override { mdb_env_close(env_); }

  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<LmdbSession>(env_, dbi_);
  }

  void Settle() override { Check("sync", mdb_env_sync(env_, 1)); }
  void Merge() override {}

 private:
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
};

}  // namespace

std::string EngineVersion() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  mdb_version(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

std::unique_ptr<Engine> OpenEngine(const EngineOptions& options) {
  return std::make_unique<LmdbEngine>(options);
}

}  // namespace lsm::compare
