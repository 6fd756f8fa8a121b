#include <array>
#include <memory>
#include <string>

#include "capi/lsm.h"
#include "tools/compare/engine.h"

namespace lsm::compare {
namespace {

void Check(std::string_view what, lsm_status status, lsm_error* error) {
  if (status == LSM_OK) return;
  Die(what, error != nullptr ? lsm_error_message(error) : lsm_status_name(status));
}

class LsmCursor final : public Cursor {
 public:
  explicit LsmCursor(lsm_db* db) {
    lsm_error* error = nullptr;
    const lsm_status status = lsm_iter_create(db, nullptr, nullptr, 0, nullptr, 0, &iter_, &error);
    Check("iterator", status, error);
  }
  ~LsmCursor() override { lsm_iter_destroy(iter_); }

  void SeekFirst() override { Moved(lsm_iter_seek_first(iter_, &error_)); }
  void SeekLast() override { Moved(lsm_iter_seek_last(iter_, &error_)); }
  void Seek(std::string_view key) override {
    Moved(lsm_iter_seek(iter_, key.data(), key.size(), &error_));
  }

  uint64_t Forward(uint64_t limit, Tally* tally) override {
    uint64_t count = 0;
    for (; on_row_ && count < limit; ++count) {
      See(tally);
      Moved(lsm_iter_next(iter_, &error_));
    }
    return count;
  }
  uint64_t Backward(uint64_t limit, Tally* tally) override {
    uint64_t count = 0;
    for (; on_row_ && count < limit; ++count) {
      See(tally);
      Moved(lsm_iter_prev(iter_, &error_));
    }
    return count;
  }
  uint64_t ForwardInBulk(uint64_t limit, Tally* tally) override {
    std::array<lsm_row, 256> rows;
    uint64_t total = 0;
    while (on_row_ && total < limit) {
      size_t count = 0;
      const size_t wanted = std::min<uint64_t>(rows.size(), limit - total);
      Moved(lsm_iter_next_n(iter_, rows.data(), wanted, &count, &error_));
      for (size_t i = 0; i < count; ++i) {
        tally->See(static_cast<const char*>(rows[i].value), rows[i].value_size);
      }
      total += count;
    }
    return total;
  }

 private:
  void Moved(lsm_status status) {
    on_row_ = status == LSM_OK;
    if (!on_row_ && status != LSM_END) Check("iterator", status, error_);
  }
  void See(Tally* tally) {
    size_t key_size = 0;
    size_t value_size = 0;
    lsm_iter_key(iter_, &key_size);
    const void* value = lsm_iter_value(iter_, &value_size);
    tally->See(static_cast<const char*>(value), value_size);
  }

  lsm_iter* iter_ = nullptr;
  lsm_error* error_ = nullptr;
  bool on_row_ = false;
};

class LsmSession final : public Session {
 public:
  explicit LsmSession(lsm_db* db) : db_(db), batch_(lsm_batch_create()) {
    if (batch_ == nullptr) Die("batch", "out of memory");
  }
  ~LsmSession() override { lsm_batch_destroy(batch_); }

  void Put(std::string_view key, std::string_view value, bool sync) override {
    lsm_error* error = nullptr;
    const lsm_status status = lsm_put(db_, key.data(), key.size(), value.data(), value.size(),
                                      sync ? LSM_SYNC : 0, &error);
    Check("put", status, error);
  }

  void PutBatch(std::span<const Row> rows) override {
    lsm_error* error = nullptr;
    lsm_batch_clear(batch_);
    for (const auto& [key, value] : rows) {
      const lsm_status status =
          lsm_batch_put(batch_, key.data(), key.size(), value.data(), value.size(), &error);
      Check("batch put", status, error);
    }
    const lsm_status status = lsm_write(db_, batch_, 0, &error);
    Check("write", status, error);
  }

  bool Get(std::string_view key, Tally* tally) override {
    lsm_error* error = nullptr;
    lsm_value value;
    const lsm_status status = lsm_get(db_, nullptr, key.data(), key.size(), &value, &error);
    if (status == LSM_NOT_FOUND) return false;
    Check("get", status, error);
    tally->See(static_cast<const char*>(value.data), value.size);
    lsm_value_release(&value);
    return true;
  }

  std::unique_ptr<Cursor> NewCursor() override { return std::make_unique<LsmCursor>(db_); }

 private:
  lsm_db* db_;
  lsm_batch* batch_;
};

class LsmEngine final : public Engine {
 public:
  explicit LsmEngine(const EngineOptions& options) {
    lsm_options* set = lsm_options_create();
    if (set == nullptr) Die("options", "out of memory");
    Set(set, "memory_budget", std::to_string(options.memory_budget));
    if (options.write_buffer_size > 0) {
      Set(set, "write_buffer_size", std::to_string(options.write_buffer_size));
    }
    if (!options.compress) Set(set, "compression", "none");
    lsm_error* error = nullptr;
    const lsm_status status = lsm_open(options.path.c_str(), set, &db_, &error);
    Check("open", status, error);
    lsm_options_destroy(set);
  }
  ~LsmEngine() override {
    lsm_error* error = nullptr;
    const lsm_status status = lsm_close(db_, &error);
    Check("close", status, error);
  }

  std::unique_ptr<Session> NewSession() override { return std::make_unique<LsmSession>(db_); }

  void Settle() override {
    lsm_error* error = nullptr;
    lsm_status status = lsm_flush(db_, &error);
    Check("flush", status, error);
    status = lsm_wait_idle(db_, &error);
    Check("wait", status, error);
  }

  void Merge() override {
    lsm_error* error = nullptr;
    const lsm_status status =
        lsm_compact_range(db_, nullptr, 0, nullptr, 0, nullptr, nullptr, &error);
    Check("compact", status, error);
  }

 private:
  static void Set(lsm_options* set, const char* name, const std::string& value) {
    lsm_error* error = nullptr;
    const lsm_status status = lsm_options_set(set, name, value.c_str(), &error);
    Check(name, status, error);
  }

  lsm_db* db_ = nullptr;
};

}  // namespace

std::string EngineVersion() { return lsm_version(); }

std::unique_ptr<Engine> OpenEngine(const EngineOptions& options) {
  return std::make_unique<LsmEngine>(options);
}

}  // namespace lsm::compare
