// The C ABI: an input is a program of operations on one database of tiny settings, held against a
// model. Keys are so short that operations meet.

#include <unistd.h>

#include <cstdlib>
#include <map>
#include <optional>

#include "capi/lsm.h"
#include "tests/fuzz/byte_program.h"
#include "tests/fuzz/fuzz_target.h"

namespace lsm::fuzz {
namespace {

using Model = std::map<std::string, std::string>;

std::string Bytes(const void* data, size_t size) { return {static_cast<const char*>(data), size}; }

class Program : public ByteProgram {
 public:
  using ByteProgram::ByteProgram;
  std::string Key() {
    const uint8_t byte = Byte();
    return std::string(byte % 3, static_cast<char>('a' + byte / 3 % 8));
  }
  std::string Value() {
    const size_t size = Byte() * 4u;
    return std::string(size, static_cast<char>(Byte()));
  }
};

class Machine {
 public:
  Machine() {
    const char* const parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::getenv("TMPDIR");
    std::string pattern = std::string(parent != nullptr ? parent : "/tmp") + "/lsm_fuzz_XXXXXX";
    FUZZ_CHECK(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
    Open();
  }
  ~Machine() {
    DropSnapshot();
    FUZZ_CHECK(lsm_close(db_, nullptr) == LSM_OK);
    FUZZ_CHECK(lsm_verify(path_.c_str(), nullptr, nullptr, nullptr) == LSM_OK);
    FUZZ_CHECK(lsm_destroy(path_.c_str(), nullptr) == LSM_OK);
  }

  void Step(Program* program) {
    switch (program->Byte() % 12) {
      case 0:
      case 1:
        return Put(program->Key(), program->Value());
      case 2:
        return Delete(program->Key());
      case 3:
        return DeleteRange(program->Key(), program->Key());
      case 4:
        return WriteBatch(program);
      case 5:
        CheckGet(nullptr, model_, program->Key());
        if (snapshot_ != nullptr) CheckGet(snapshot_, *seen_, program->Key());
        return;
      case 6:
        CheckScan(nullptr, model_);
        if (snapshot_ != nullptr) CheckScan(snapshot_, *seen_);
        return;
      case 7:
        return CheckBackward(program->Key());
      case 8:
        return snapshot_ == nullptr ? TakeSnapshot() : DropSnapshot();
      case 9:
        FUZZ_CHECK(lsm_flush(db_, nullptr) == LSM_OK);
        return;
      case 10:
        return Compact(program->Key());
      default:
        DropSnapshot();
        FUZZ_CHECK(lsm_close(db_, nullptr) == LSM_OK);
        return Open();
    }
  }

 private:
  void Open() {
    lsm_options* const options = lsm_options_create();
    for (const auto& [name, value] : {std::pair("write_buffer_size", "4KiB"),
                                      {"block_size", "64"},
                                      {"table_size", "4KiB"},
                                      {"memory_budget", "1MiB"},
                                      {"size_ratio", "2"}}) {
      FUZZ_CHECK(lsm_options_set(options, name, value, nullptr) == LSM_OK);
    }
    FUZZ_CHECK(lsm_open(path_.c_str(), options, &db_, nullptr) == LSM_OK);
    lsm_options_destroy(options);
  }

  void Put(const std::string& key, const std::string& value) {
    FUZZ_CHECK(lsm_put(db_, key.data(), key.size(), value.data(), value.size(), 0, nullptr) ==
               LSM_OK);
    model_[key] = value;
  }

  void Delete(const std::string& key) {
    FUZZ_CHECK(lsm_delete(db_, key.data(), key.size(), 0, nullptr) == LSM_OK);
    model_.erase(key);
  }

  void EraseFromModel(const std::string& begin, const std::string& end) {
    model_.erase(model_.lower_bound(begin), model_.lower_bound(end));
  }

  void DeleteRange(const std::string& begin, const std::string& end) {
    const lsm_status status = lsm_delete_range(db_, begin.data(), begin.size(), end.data(),
                                               end.size(), LSM_SYNC, nullptr);
    FUZZ_CHECK(status == (begin <= end ? LSM_OK : LSM_INVALID_ARGUMENT));
    if (begin < end) EraseFromModel(begin, end);
  }

  static void Encode(uint8_t kind, const std::string& key, const std::string& value,
                     std::string* ops) {
    const uint32_t sizes[2] = {static_cast<uint32_t>(key.size()),
                               static_cast<uint32_t>(value.size())};
    ops->push_back(static_cast<char>(kind));
    ops->append(reinterpret_cast<const char*>(sizes), sizeof(sizes));
    *ops += key + value;
  }

  // The same operations as a batch or, where the first byte is large, encoded.
  void WriteBatch(Program* program) {
    lsm_batch* const batch = lsm_batch_create();
    std::string ops;
    const int first = program->Byte();
    for (int left = first % 6; left > 0; --left) {
      const std::string key = program->Key();
      if (left % 3 == 0) {
        Encode(LSM_OP_DELETE, key, "", &ops);
        FUZZ_CHECK(lsm_batch_delete(batch, key.data(), key.size(), nullptr) == LSM_OK);
        model_.erase(key);
      } else {
        const std::string value = program->Value();
        Encode(LSM_OP_PUT, key, value, &ops);
        FUZZ_CHECK(lsm_batch_put(batch, key.data(), key.size(), value.data(), value.size(),
                                 nullptr) == LSM_OK);
        model_[key] = value;
      }
    }
    if (first < 128) {
      FUZZ_CHECK(lsm_write(db_, batch, 0, nullptr) == LSM_OK);
    } else {
      FUZZ_CHECK(lsm_write_encoded(db_, ops.data(), ops.size(), 0, nullptr) == LSM_OK);
    }
    lsm_batch_destroy(batch);
  }

  void CheckGet(const lsm_snapshot* snapshot, const Model& model, const std::string& key) {
    lsm_value value;
    const lsm_status status = lsm_get(db_, snapshot, key.data(), key.size(), &value, nullptr);
    const auto row = model.find(key);
    FUZZ_CHECK(status == (row != model.end() ? LSM_OK : LSM_NOT_FOUND));
    FUZZ_CHECK(row == model.end() || Bytes(value.data, value.size) == row->second);
    lsm_value_release(&value);
  }

  void CheckScan(const lsm_snapshot* snapshot, const Model& model) {
    lsm_rows* rows = nullptr;
    FUZZ_CHECK(lsm_scan(db_, snapshot, nullptr, 0, nullptr, 0, 0, &rows, nullptr) == LSM_OK);
    size_t count = 0;
    const lsm_row* row = lsm_rows_data(rows, &count);
    FUZZ_CHECK(count == model.size());
    for (const auto& [key, value] : model) {
      FUZZ_CHECK(Bytes(row->key, row->key_size) == key);
      FUZZ_CHECK(Bytes(row->value, row->value_size) == value);
      ++row;
    }
    lsm_rows_free(rows);
  }

  void CheckBackward(const std::string& key) {
    lsm_iter* it = nullptr;
    FUZZ_CHECK(lsm_iter_create(db_, nullptr, nullptr, 0, nullptr, 0, &it, nullptr) == LSM_OK);
    auto row = model_.upper_bound(key);
    lsm_status status = lsm_iter_seek_for_prev(it, key.data(), key.size(), nullptr);
    while (row != model_.begin()) {
      --row;
      size_t size = 0;
      FUZZ_CHECK(status == LSM_OK);
      const void* data = lsm_iter_key(it, &size);
      FUZZ_CHECK(Bytes(data, size) == row->first);
      data = lsm_iter_value(it, &size);
      FUZZ_CHECK(Bytes(data, size) == row->second);
      status = lsm_iter_prev(it, nullptr);
    }
    FUZZ_CHECK(status == LSM_END);
    lsm_iter_destroy(it);
  }

  void Compact(const std::string& begin) {
    FUZZ_CHECK(lsm_compact_range(db_, begin.data(), begin.size(), nullptr, 0, nullptr, nullptr,
                                 nullptr) == LSM_OK);
  }

  void TakeSnapshot() {
    FUZZ_CHECK(lsm_snapshot_create(db_, &snapshot_, nullptr) == LSM_OK);
    seen_ = model_;
  }

  void DropSnapshot() {
    lsm_snapshot_release(snapshot_);
    snapshot_ = nullptr;
    seen_.reset();
  }

  std::string path_;
  lsm_db* db_ = nullptr;
  Model model_;
  lsm_snapshot* snapshot_ = nullptr;
  std::optional<Model> seen_;
};

}  // namespace

const uint64_t kMutationsPerInput = 60;

std::vector<std::string> Seeds() {
  std::string everything;
  for (int i = 0; i < 40; ++i) {
    for (const int op : {0, 4, 5, 3, 9, 6, 7}) {
      everything += {static_cast<char>(op), static_cast<char>(i * 7), static_cast<char>(i * 3)};
    }
    if (i % 10 == 9) everything += {8, 10, static_cast<char>(i), 6, 8, 11, 6};
  }
  return {everything.substr(0, 60), everything};
}

void Run(std::string_view input) {
  Machine machine;
  Program program(input.substr(0, 4096));
  while (!program.done()) machine.Step(&program);
}

void Repair(std::string*) {}

}  // namespace lsm::fuzz
