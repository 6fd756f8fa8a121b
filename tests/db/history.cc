#include "tests/db/history.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace lsm {
namespace {

using Kind = Operation::Kind;

// What an operation is called, and what follows the name: i slot, h snapshot, n number, r seed,
// k key, e end, b batch.
struct Form {
  Kind kind;
  std::string_view name;
  std::string_view fields;
};
constexpr Form kForms[] = {
    {Kind::kWrite, "write", "b"},
    {Kind::kGet, "get", "hk"},
    {Kind::kScan, "scan", "hke"},
    {Kind::kIterator, "iterator", "ihke"},
    {Kind::kSeekFirst, "seek_first", "i"},
    {Kind::kSeekLast, "seek_last", "i"},
    {Kind::kSeek, "seek", "ik"},
    {Kind::kSeekForPrev, "seek_for_prev", "ik"},
    {Kind::kNext, "next", "in"},
    {Kind::kPrev, "prev", "in"},
    {Kind::kNextN, "next_n", "in"},
    {Kind::kCloseIterator, "close_iterator", "i"},
    {Kind::kSnapshot, "snapshot", "i"},
    {Kind::kRelease, "release", "i"},
    {Kind::kProperty, "property", "k"},
    {Kind::kFlush, "flush", ""},
    {Kind::kCompact, "compact", "ke"},
    {Kind::kWaitIdle, "wait_idle", ""},
    {Kind::kReopen, "reopen", "n"},
    {Kind::kReadOnly, "read_only", ""},
    {Kind::kVerify, "verify", ""},
    {Kind::kKill, "kill", ""},
    {Kind::kPowerLoss, "power_loss", "nr"},
};

constexpr std::string_view kSync = "sync";
constexpr std::string_view kInfinity = "infinity";
constexpr std::string_view kPut = "put";
constexpr std::string_view kDelete = "delete";
constexpr std::string_view kDeleteRange = "delete_range";
constexpr uint64_t kMostAtOnce = 1'000'000;  // of steps or rows

std::string Quoted(std::string_view bytes) {
  return absl::StrCat("\"", absl::CHexEscape(bytes), "\"");
}
std::string EndText(std::string_view end) {
  return end == InfiniteKey() ? std::string(kInfinity) : Quoted(end);
}

void AppendBatch(const Operation& operation, std::string* line) {
  if (operation.sync) absl::StrAppend(line, " ", kSync);
  BatchReader reader(operation.batch.bytes());
  for (WriteOp op; reader.Next(&op);) {
    switch (op.kind) {
      case EntryKind::kPut:
        absl::StrAppend(line, " ", kPut, " ", Quoted(op.key), " ", Quoted(op.value));
        break;
      case EntryKind::kDelete:
        absl::StrAppend(line, " ", kDelete, " ", Quoted(op.key));
        break;
      case EntryKind::kRangeDelete:
        absl::StrAppend(line, " ", kDeleteRange, " ", Quoted(op.key), " ", EndText(op.value));
        break;
    }
  }
}

// Reads one line. After the first failure it reads nothing more.
class LineParser {
 public:
  explicit LineParser(std::string_view line) : rest_(line) {}

  Status Parse(Operation* operation) {
    const std::string_view name = Word();
    const auto form = std::find_if(std::begin(kForms), std::end(kForms),
                                   [&](const Form& f) { return f.name == name; });
    if (form == std::end(kForms)) return Status::InvalidArgument("no operation has this name");
    operation->kind = form->kind;
    for (const char field : form->fields) LSM_RETURN_IF_ERROR(ParseField(field, operation));
    SkipSpace();
    return rest_.empty() ? Status::Ok() : Status::InvalidArgument("there is more than expected");
  }

 private:
  Status ParseField(char field, Operation* operation) {
    switch (field) {
      case 'i':
        LSM_RETURN_IF_ERROR(ParseNumber(kHistorySlots, &operation->slot));
        return operation->slot > 0 ? Status::Ok() : Status::InvalidArgument("slots begin at 1");
      case 'h':
        return ParseNumber(kHistorySlots, &operation->snapshot);
      case 'n':
        return ParseNumber(kMostAtOnce, &operation->number);
      case 'r':
        return ParseNumber(UINT64_MAX, &operation->seed);
      case 'k':
        return ParseBytes(&operation->key);
      case 'e':
        return ParseEnd(&operation->end);
      default:
        return ParseBatch(operation);
    }
  }

  void SkipSpace() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }
  std::string_view Word() {
    SkipSpace();
    const std::string_view word = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(word.size());
    return word;
  }
  bool SkipWord(std::string_view word) {
    const std::string_view before = rest_;
    if (Word() == word) return true;
    rest_ = before;
    return false;
  }

  Status ParseNumber(uint64_t most, uint64_t* number) {
    const std::string_view word = Word();
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, *number);
    if (error != std::errc() || stop != end || *number > most) {
      return Status::InvalidArgument(absl::StrCat("expected a number up to ", most));
    }
    return Status::Ok();
  }

  Status ParseBytes(std::string* bytes) {
    SkipSpace();
    size_t end = 1;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    if (!rest_.starts_with('"') || end >= rest_.size() ||
        !absl::CUnescape(rest_.substr(1, end - 1), bytes)) {
      return Status::InvalidArgument("expected bytes in quotes");
    }
    rest_.remove_prefix(end + 1);
    return Status::Ok();
  }
  Status ParseEnd(std::string* end) {
    if (!SkipWord(kInfinity)) return ParseBytes(end);
    *end = InfiniteKey();
    return Status::Ok();
  }

  Status ParseBatch(Operation* operation) {
    operation->sync = SkipWord(kSync);
    std::string key;
    std::string value;
    for (std::string_view word = Word(); !word.empty(); word = Word()) {
      if (word == kPut) {
        LSM_RETURN_IF_ERROR(ParseBytes(&key));
        LSM_RETURN_IF_ERROR(ParseBytes(&value));
        LSM_RETURN_IF_ERROR(operation->batch.Put(key, value));
      } else if (word == kDelete) {
        LSM_RETURN_IF_ERROR(ParseBytes(&key));
        LSM_RETURN_IF_ERROR(operation->batch.Delete(key));
      } else if (word == kDeleteRange) {
        LSM_RETURN_IF_ERROR(ParseBytes(&key));
        LSM_RETURN_IF_ERROR(ParseEnd(&value));
        LSM_RETURN_IF_ERROR(operation->batch.DeleteRange(key, value));
      } else {
        return Status::InvalidArgument("expected put, delete or delete_range");
      }
    }
    return Status::Ok();
  }

  std::string_view rest_;
};

}  // namespace

bool HasCrashes(const Operations& history) {
  return std::any_of(history.begin(), history.end(), [](const Operation& operation) {
    return operation.kind == Kind::kKill || operation.kind == Kind::kPowerLoss;
  });
}

std::string OperationText(const Operation& operation) {
  const auto form = std::find_if(std::begin(kForms), std::end(kForms),
                                 [&](const Form& f) { return f.kind == operation.kind; });
  std::string line(form->name);
  for (const char field : form->fields) {
    switch (field) {
      case 'i':
        absl::StrAppend(&line, " ", operation.slot);
        break;
      case 'h':
        absl::StrAppend(&line, " ", operation.snapshot);
        break;
      case 'n':
        absl::StrAppend(&line, " ", operation.number);
        break;
      case 'r':
        absl::StrAppend(&line, " ", operation.seed);
        break;
      case 'k':
        absl::StrAppend(&line, " ", Quoted(operation.key));
        break;
      case 'e':
        absl::StrAppend(&line, " ", EndText(operation.end));
        break;
      default:
        AppendBatch(operation, &line);
    }
  }
  return line;
}

std::string HistoryText(const Operations& history) {
  std::string text;
  for (const Operation& operation : history) {
    absl::StrAppend(&text, OperationText(operation), "\n");
  }
  return text;
}

Result<Operations> ParseHistory(std::string_view text) {
  Operations history;
  size_t number = 0;
  for (const std::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    Operation operation;
    const Status status = LineParser(line).Parse(&operation);
    if (!status.ok()) return status.WithContext(absl::StrCat("line ", number));
    history.push_back(std::move(operation));
  }
  return history;
}

}  // namespace lsm
