// Reading one key: lsm_get with its pinned or copied values, lsm_get_into.
//
// lsm_value.pin is 0 for nothing to release, else a pointer whose low bits say what it points to:
//
//   bit 0      0: a RefCounted of the engine that keeps the bytes readable
//              1: a copy of the bytes, from malloc
//   bits 1-3   the fork generation, modulo 8, of the process that took it: an inherited reference
//   is
//              not given back, since the engine's locks may be held by threads that this process
//              lacks

#include <cstdlib>
#include <cstring>

#include "capi/handles.h"

namespace lsm::capi {
namespace {

constexpr uintptr_t kCopyBit = 1;
constexpr uintptr_t kTagMask = 15;
static_assert(__STDCPP_DEFAULT_NEW_ALIGNMENT__ > kTagMask && alignof(std::max_align_t) > kTagMask,
              "what new and malloc answer has the tag's bits free");

// Values up to this size are copied: that costs less than the shared counter of a pin, and a few
// bytes do not keep a whole memtable alive.
constexpr size_t kMaxCopiedSize = 1024;

uintptr_t ForkTag() { return uintptr_t{ForkGeneration() % 8} << 1; }

void* Tag(const void* pointer, uintptr_t kind) {
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(pointer) | ForkTag() | kind);
}

// REQUIRES: inside the EpochGuard of the get.
Status KeepValue(const Db::Value& found, lsm_value* out) {
  out->size = found.data.size();
  if (found.data.empty()) {
    out->data = "";
    return Status::Ok();
  }
  if (found.data.size() > kMaxCopiedSize && found.owner != nullptr && found.owner->TryRef()) {
    out->data = found.data.data();
    out->pin = Tag(found.owner, 0);
    return Status::Ok();
  }
  void* copy = std::malloc(found.data.size());
  if (copy == nullptr) {
    out->size = 0;
    return Status::OutOfMemory();
  }
  std::memcpy(copy, found.data.data(), found.data.size());
  out->data = copy;
  out->pin = Tag(copy, kCopyBit);
  return Status::Ok();
}

// Finds a value and hands it to `use`, which returns a Status, while it is readable.
template <typename Use>
Status Get(lsm_db* db, const lsm_snapshot* snapshot, const void* key, size_t key_size, Use use) {
  std::string_view key_view;
  LSM_RETURN_IF_ERROR(CheckShell(db));
  LSM_RETURN_IF_ERROR(ReadBytes("key", key, key_size, &key_view));
  LSM_RETURN_IF_ERROR(CheckKeySize(key_view));
  const Snapshot* at;
  LSM_RETURN_IF_ERROR(ReadSnapshot(db, snapshot, &at));
  EpochGuard guard;
  const OpenDb* open = LoadOpen(db);
  if (open == nullptr) [[unlikely]]
    return Closed();
  Db::Value found;
  Status status = open->db->Get(at, key_view, &found);
  return status.ok() ? use(found) : status;
}

}  // namespace
}  // namespace lsm::capi

using lsm::Db;
using lsm::Status;
using lsm::capi::Call;
using lsm::capi::NullArgument;

extern "C" {

lsm_status lsm_get(lsm_db* db, const lsm_snapshot* snapshot, const void* key, size_t key_size,
                   lsm_value* out, lsm_error** error) {
  if (out != nullptr) *out = {};
  return Call(error, [&]() -> Status {
    if (out == nullptr) return NullArgument("out");
    return lsm::capi::Get(db, snapshot, key, key_size,
                          [&](const Db::Value& found) { return lsm::capi::KeepValue(found, out); });
  });
}

lsm_status lsm_get_into(lsm_db* db, const lsm_snapshot* snapshot, const void* key, size_t key_size,
                        void* buffer, size_t capacity, size_t* value_size, lsm_error** error) {
  if (value_size != nullptr) *value_size = 0;
  return Call(error, [&]() -> Status {
    if (value_size == nullptr) return NullArgument("value_size");
    if (buffer == nullptr && capacity != 0) return NullArgument("buffer (with a capacity)");
    return lsm::capi::Get(db, snapshot, key, key_size, [&](const Db::Value& found) -> Status {
      *value_size = found.data.size();
      if (found.data.size() > capacity) {
        return Status(lsm::Code::kTooLarge,
                      "the buffer is smaller than the value; *value_size says what it needs");
      }
      if (!found.data.empty()) std::memcpy(buffer, found.data.data(), found.data.size());
      return Status::Ok();
    });
  });
}

void lsm_value_release(lsm_value* value) {
  if (value == nullptr) return;
  const uintptr_t tagged = reinterpret_cast<uintptr_t>(value->pin);
  *value = {};
  if (tagged == 0) return;
  void* const pinned = reinterpret_cast<void*>(tagged & ~lsm::capi::kTagMask);
  if ((tagged & lsm::capi::kCopyBit) != 0) {
    std::free(pinned);
  } else if ((tagged & lsm::capi::kTagMask) == lsm::capi::ForkTag()) {
    static_cast<const lsm::RefCounted*>(pinned)->Unref();
  }
}

}  // extern "C"
