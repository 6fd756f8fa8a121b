#include "tests/env/sim_files.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "lsm/base/check.h"

namespace lsm {
namespace {

uint64_t RoundUp(uint64_t offset) {
  return (offset + kSimSectorSize - 1) / kSimSectorSize * kSimSectorSize;
}

void DropTrailingZeros(std::string* bytes) {
  bytes->resize(bytes->find_last_not_of('\0') + 1);  // npos + 1 is 0
}

}  // namespace

CrashFates::CrashFates(uint64_t seed) : random_(seed) {
  constexpr uint64_t kChances[] = {16, 0, 8, 15, 1};
  names_kept_ = kChances[random_() % std::size(kChances)];
  sectors_kept_ = kChances[random_() % std::size(kChances)];
  only_drops_ = random_() % 2 == 0;
}

CrashFates::Fate CrashFates::OfSector(bool promised) {
  if (Happens(sectors_kept_)) return Fate::kKept;
  if (promised || only_drops_) return Fate::kDropped;
  constexpr Fate kLosses[] = {Fate::kDropped, Fate::kZeroed, Fate::kRubbish};
  return kLosses[random_() % std::size(kLosses)];
}

uint64_t CrashFates::SizeFrom(uint64_t durable, uint64_t present) {
  if (Happens(sectors_kept_)) return present;
  if (only_drops_) return durable;
  return durable + random_() % (present - durable + 1);
}

void CrashFates::FillWithRubbish(char* bytes, uint64_t size) {
  for (uint64_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(random_());
}

void SimInode::BecomeLog(std::unique_ptr<FileMapping> live) {
  kind_ = Kind::kLog;
  live_ = std::move(live);
  size_ = live_->size();
  // What it held in a former life was given up with its name.
  promised_.clear();
}

void SimInode::Touch(uint64_t end) { touched_ = std::max(touched_, end); }

uint64_t SimInode::PresentEnd() const {
  switch (kind_) {
    case Kind::kDurable:
      return 0;
    case Kind::kAppended:
      return present_.size();
    case Kind::kLog:
      break;
  }
  return std::min(RoundUp(touched_), size_);
}

bool SimInode::IsPromised(uint64_t offset) const {
  if (kind_ == Kind::kAppended) return offset < durable_.size();
  const uint64_t sector = offset / kSimSectorSize;
  return sector < promised_.size() && promised_[sector];
}

void SimInode::Sync() {
  if (kind_ == Kind::kAppended) durable_ = present_;
  if (kind_ == Kind::kLog) SyncRange(0, size_);
}

void SimInode::SyncRange(uint64_t begin, uint64_t end) {
  LSM_DCHECK(kind_ == Kind::kLog);
  begin = begin / kSimSectorSize * kSimSectorSize;
  end = std::min(RoundUp(end), PresentEnd());
  if (begin >= end) return;
  if (durable_.size() < end) durable_.resize(end);
  std::memcpy(durable_.data() + begin, present() + begin, end - begin);
  if (promised_.size() < RoundUp(end) / kSimSectorSize) {
    promised_.resize(RoundUp(end) / kSimSectorSize);
  }
  for (uint64_t at = begin; at < end; at += kSimSectorSize) promised_[at / kSimSectorSize] = true;
}

SimFileImage SimInode::AfterPowerLoss(CrashFates* fates) const {
  SimFileImage image{durable_, size_};
  std::string& bytes = image.bytes;
  uint64_t end = PresentEnd();
  if (kind_ == Kind::kAppended) {
    end = fates->SizeFrom(durable_.size(), end);
    image.size = end;
  }
  if (bytes.size() < end) bytes.resize(end);
  for (uint64_t begin = 0; begin < end; begin += kSimSectorSize) {
    char* const sector = bytes.data() + begin;
    const uint64_t size = std::min(kSimSectorSize, end - begin);
    if (std::memcmp(sector, present() + begin, size) == 0) continue;
    switch (fates->OfSector(IsPromised(begin))) {
      case CrashFates::Fate::kKept:
        std::memcpy(sector, present() + begin, size);
        break;
      case CrashFates::Fate::kDropped:
        break;
      case CrashFates::Fate::kZeroed:
        std::memset(sector, 0, size);
        break;
      case CrashFates::Fate::kRubbish:
        fates->FillWithRubbish(sector, size);
        break;
    }
  }
  DropTrailingZeros(&bytes);
  return image;
}

SimFileImage SimInode::Now() const {
  SimFileImage image{durable_, size_};
  const uint64_t end = PresentEnd();
  if (kind_ == Kind::kAppended) image.size = end;
  if (image.bytes.size() < end) image.bytes.resize(end);
  if (end > 0) std::memcpy(image.bytes.data(), present(), end);
  return image;
}

std::shared_ptr<SimInode> SimInode::Copy() const {
  auto copy = std::make_shared<SimInode>();
  copy->kind_ = kind_;
  copy->durable_ = durable_;
  if (const uint64_t end = PresentEnd(); end > 0) copy->present_.assign(present(), end);
  copy->size_ = size_;
  copy->touched_ = touched_;
  copy->promised_ = promised_;
  return copy;
}

void SimNames::AddDurable(std::string_view name, InodePtr inode) {
  durable_.emplace(name, inode);
  now_.emplace(name, std::move(inode));
}

void SimNames::Create(std::string_view name, InodePtr inode) {
  DoNow({Operation::Kind::kCreate, std::string(name), std::move(inode)});
}

void SimNames::Rename(std::string_view from, std::string_view to) {
  if (from != to) DoNow({Operation::Kind::kRename, std::string(to), Find(from)});
}

void SimNames::Remove(std::string_view name) {
  DoNow({Operation::Kind::kRemove, std::string(name), Find(name)});
}

void SimNames::Sync() {
  durable_ = now_;
  pending_.clear();
}

const SimNames::InodePtr& SimNames::Find(std::string_view name) const {
  const auto found = now_.find(name);
  LSM_DCHECK(found != now_.end());
  return found->second;
}

void SimNames::DoNow(Operation operation) {
  Do(operation, &now_);
  pending_.push_back(std::move(operation));
}

void SimNames::Do(const Operation& operation, Map* names) {
  const auto is_it = [&](const auto& entry) { return entry.second == operation.inode; };
  switch (operation.kind) {
    case Operation::Kind::kRename:
      std::erase_if(*names, is_it);
      [[fallthrough]];
    case Operation::Kind::kCreate:
      names->insert_or_assign(operation.name, operation.inode);
      break;
    case Operation::Kind::kRemove:
      if (const auto found = names->find(operation.name); found != names->end() && is_it(*found)) {
        names->erase(found);
      }
      break;
  }
}

SimNames::Map SimNames::AfterPowerLoss(CrashFates* fates) const {
  Map names = durable_;
  for (const Operation& operation : pending_) {
    if (fates->KeepsName()) Do(operation, &names);
  }
  return names;
}

SimNames SimNames::Copy() const {
  std::map<const SimInode*, InodePtr> copies;
  const auto copy_of = [&](const InodePtr& inode) {
    InodePtr& copy = copies[inode.get()];
    if (copy == nullptr) copy = inode->Copy();
    return copy;
  };
  SimNames names;
  for (const auto& [name, inode] : durable_) names.durable_.emplace(name, copy_of(inode));
  for (const auto& [name, inode] : now_) names.now_.emplace(name, copy_of(inode));
  for (const Operation& o : pending_) {
    names.pending_.push_back({o.kind, o.name, copy_of(o.inode)});
  }
  return names;
}

}  // namespace lsm
