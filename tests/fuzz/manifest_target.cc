// A manifest: its records, and the versions that its edits make.

#include <memory>

#include "lsm/base/write_batch.h"
#include "lsm/version/manifest.h"
#include "lsm/version/table_file.h"
#include "lsm/version/version.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/segment_repair.h"
#include "tests/sstable/table_testing.h"

namespace lsm::fuzz {
namespace {

constexpr uint64_t kNumber = 3;

AddedSlice SliceOf(uint32_t level, uint64_t run, uint64_t table, const std::string& begin,
                   const std::string& end) {
  return WholeTable(level, run,
                    {.number = table, .file_size = 100, .entry_count = 9, .range = {begin, end}});
}

}  // namespace

const uint64_t kMutationsPerInput = 5'000;

std::vector<std::string> Seeds() {
  VersionEdit state;
  state.next_file_number = 20;
  state.next_run_id = 9;
  state.last_sequence = 1000;
  state.added_logs = {{5, 4096}, {6, 8192}};
  state.added_slices = {SliceOf(0, 4, 10, "a", "m"), SliceOf(0, 4, 11, "m", "z"),
                        SliceOf(1, 2, 12, "", std::string(InfiniteKey()))};
  VersionEdit change;
  change.removed_logs = {5};
  change.removed_slices = {{.level = 0, .run_id = 4, .table_number = 10, .begin = "a"}};
  change.added_slices = {SliceOf(1, 8, 13, "a", "m")};
  return {MakeSegment(kNumber, 0, 4096, {EncodeVersionEdit(state)}),
          MakeSegment(kNumber, 0, 4096, {EncodeVersionEdit(state), EncodeVersionEdit(change)})};
}

void Run(std::string_view input) {
  // Its tables are never opened, so there is no directory.
  const auto cache = std::make_shared<TableCache>(nullptr, TableReadOptions(), 16);
  auto version = RefPtr<const Version>(MakeRef<Version>());
  (void)ReadManifest(NewStringFile(input), kNumber, [&](const ManifestRecord& record) -> Status {
    if (record.is_mark) return Status::Ok();
    VersionEdit again;
    bool unsupported = false;
    FUZZ_CHECK(DecodeVersionEdit(EncodeVersionEdit(record.edit), &again, &unsupported));
    LSM_ASSIGN_OR_RETURN(version, version->Apply(record.edit, cache));
    // What the version says of itself makes the same version.
    VersionEdit described;
    described.added_slices = version->Describe();
    const auto same = MakeRef<Version>()->Apply(described, cache);
    FUZZ_CHECK(same.ok() && (*same)->table_count() == version->table_count());
    return Status::Ok();
  });
}

void Repair(std::string* input) { RepairSegment(kNumber, input); }

}  // namespace lsm::fuzz
