#include "lsm/compaction/merge_plan.h"

#include <algorithm>
#include <string_view>

namespace lsm {
namespace {

// A part of a slice that the merge still has to take: the slice cut to the merge's range.
struct Piece {
  size_t input;  // index in the spec's inputs
  const Slice* slice;
  std::string_view begin;
  std::string_view end;
};

bool IsTarget(const MergeSpec& spec, const RunRef& run) { return run == spec.target(); }

// A slice keeps its whole file on disk; where that is mostly dead, copying costs less.
bool MostlyDead(const Slice& slice) { return slice.size < slice.file->meta().file_size / 2; }

// Whether the piece by itself is a reason to work, rather than something that work meets.
bool NeedsWork(const MergeSpec& spec, const RunRef& run, const Slice& slice) {
  return !IsTarget(spec, run) || MostlyDead(slice) || (spec.thorough && MayHoldGarbage(slice));
}

std::vector<Piece> RemainingPieces(const Version& version, const MergeSpec& spec) {
  std::vector<Piece> pieces;
  const auto add = [&](size_t input, const RunRef& ref) {
    const Run* run = version.FindRun(ref.level, ref.id);
    if (run == nullptr) return;
    for (const Slice& slice : run->Overlapping(spec.range.begin, spec.range.end)) {
      pieces.push_back({.input = input,
                        .slice = &slice,
                        .begin = std::max<std::string_view>(slice.range.begin, spec.range.begin),
                        .end = std::min<std::string_view>(slice.range.end, spec.range.end)});
    }
  };
  // A target begun by this merge is no input: it holds nothing where its inputs still do.
  for (size_t i = 0; i < spec.inputs.size(); ++i) add(i, spec.inputs[i]);
  std::sort(pieces.begin(), pieces.end(),
            [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
  return pieces;
}

const RunRef& RunOf(const MergeSpec& spec, const Piece& piece) { return spec.inputs[piece.input]; }

// The first range [begin, end) in which there is work and no claim, cut so that it holds about
// job_size bytes; empty where there is none.
KeyRange ChooseRange(const MergeSpec& spec, const std::vector<Piece>& pieces,
                     std::span<const KeyRange> claimed, uint64_t job_size) {
  // Where a claim covers `key`, its end; else the key itself.
  const auto skip_claims = [&](std::string_view key) {
    for (bool moved = true; moved;) {
      moved = false;
      for (const KeyRange& claim : claimed) {
        if (claim.Contains(key)) {
          key = claim.end;
          moved = true;
        }
      }
    }
    return key;
  };
  std::string_view begin;
  bool found = false;
  for (const Piece& piece : pieces) {
    if (!NeedsWork(spec, RunOf(spec, piece), *piece.slice)) continue;
    const std::string_view start = skip_claims(piece.begin);
    if (start >= piece.end || (found && start >= begin)) continue;
    begin = start;
    found = true;
  }
  if (!found) return KeyRange();
  // The end of the work behind `begin`, and no further than the next claim.
  std::string_view end = begin;
  for (const Piece& piece : pieces) {
    if (NeedsWork(spec, RunOf(spec, piece), *piece.slice)) end = std::max(end, piece.end);
  }
  for (const KeyRange& claim : claimed) {
    if (claim.begin > begin) end = std::min<std::string_view>(end, claim.begin);
  }
  // Cut at the first slice boundary behind which the slices begun so far have enough bytes.
  std::vector<std::string_view> cuts;
  for (const Piece& piece : pieces) {
    for (const std::string_view cut : {piece.begin, piece.end}) {
      if (begin < cut && cut < end) cuts.push_back(cut);
    }
  }
  std::sort(cuts.begin(), cuts.end());
  for (const std::string_view cut : cuts) {
    uint64_t size = 0;
    for (const Piece& piece : pieces) {
      if (piece.end > begin && piece.begin < cut) size += piece.slice->size;
    }
    if (size >= job_size) return {std::string(begin), std::string(cut)};
  }
  return {std::string(begin), std::string(end)};
}

// Whether nothing outside the inputs, and older than them, overlaps the range.
bool IsBottom(const Version& version, const MergeSpec& spec, const KeyRange& range) {
  const RunRef oldest = spec.inputs.back();
  for (uint32_t level = oldest.level; level < version.levels().size(); ++level) {
    for (const auto& run : version.levels()[level].runs) {
      const RunRef ref{level, run->id()};
      const bool is_input =
          std::find(spec.inputs.begin(), spec.inputs.end(), ref) != spec.inputs.end();
      const bool newer = level == oldest.level && run->id() > oldest.id;
      if (is_input || newer || IsTarget(spec, ref)) continue;
      if (!run->Overlapping(range.begin, range.end).empty()) return false;
    }
  }
  return true;
}

}  // namespace

bool JobPlan::has_range_tombstones() const {
  for (const Input& input : inputs) {
    for (const Slice& slice : input.slices) {
      if (slice.file->meta().range_tombstone_count > 0) return true;
    }
  }
  return false;
}

bool MayHoldGarbage(const Slice& slice) {
  const TableMeta& meta = slice.file->meta();
  return meta.delete_count > 0 || meta.range_tombstone_count > 0 || meta.max_sequence > 0 ||
         slice.clips_begin() || slice.clips_end();
}

std::optional<JobPlan> NextJob(const Version& version, const MergeSpec& spec,
                               std::span<const KeyRange> claimed, uint64_t job_size) {
  const std::vector<Piece> pieces = RemainingPieces(version, spec);
  JobPlan plan;
  plan.range = ChooseRange(spec, pieces, claimed, job_size);
  if (plan.range.end.empty()) return std::nullopt;
  plan.bottom = IsBottom(version, spec, plan.range);
  size_t slice_count = 0;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    JobPlan::Input input{.run = spec.inputs[i], .slices = {}};
    for (const Piece& piece : pieces) {
      if (piece.input != i || piece.begin >= plan.range.end || piece.end <= plan.range.begin)
        continue;
      input.slices.push_back(*piece.slice);
      plan.input_size += piece.slice->size;
      ++slice_count;
    }
    if (!input.slices.empty()) plan.inputs.push_back(std::move(input));
  }
  if (plan.inputs.size() == 1 && slice_count == 1 && !IsTarget(spec, plan.inputs[0].run)) {
    const Slice& slice = plan.inputs[0].slices[0];
    const bool drops_deletes = plan.bottom && (slice.file->meta().delete_count > 0 ||
                                               slice.file->meta().range_tombstone_count > 0);
    plan.move = !drops_deletes && !MostlyDead(slice) && !(spec.thorough && MayHoldGarbage(slice));
  }
  return plan;
}

bool IsMergeDone(const Version& version, const MergeSpec& spec) {
  const std::vector<Piece> pieces = RemainingPieces(version, spec);
  return std::none_of(pieces.begin(), pieces.end(), [&](const Piece& piece) {
    return NeedsWork(spec, RunOf(spec, piece), *piece.slice);
  });
}

}  // namespace lsm
