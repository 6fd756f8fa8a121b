// The log: one to three segments, as a recovery finds them. An input is the segments one after the
// other, each with its size in four bytes before it.

#include "lsm/base/coding.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/segment_repair.h"
#include "tests/wal/log_testing.h"

namespace lsm::fuzz {
namespace {

constexpr size_t kMaxSegments = 3;

std::vector<std::string> Split(std::string_view input) {
  std::vector<std::string> segments;
  while (input.size() >= 4 && segments.size() < kMaxSegments) {
    const auto size = LoadFixed<uint32_t>(input.data());
    input.remove_prefix(4);
    segments.emplace_back(input.substr(0, size));
    input.remove_prefix(segments.back().size());
  }
  return segments;
}

std::string Join(const std::vector<std::string>& segments) {
  std::string input;
  for (const std::string& segment : segments) {
    input.append(4, '\0');
    StoreFixed<uint32_t>(&input[input.size() - 4], static_cast<uint32_t>(segment.size()));
    input += segment;
  }
  return input;
}

}  // namespace

const uint64_t kMutationsPerInput = 4'000;

std::vector<std::string> Seeds() {
  const std::string small(17, '\0');
  const std::string large("\0" + std::string(900, 'x'));
  const std::string first = MakeSegment(1, 0, 1024, {small, small, std::string(80, '\0')});
  const LogPosition next = 2 * LogRecordSize(17) + LogRecordSize(80) + LogRecordSize(0);
  return {Join({first}), Join({first, MakeSegment(2, next, 2048, {large, small})})};
}

void Run(std::string_view input) {
  std::vector<testing::SegmentImage> images;
  for (std::string& segment : Split(input)) {
    images.push_back({images.size() + 1, std::move(segment)});
  }
  if (!images.empty()) (void)testing::ReadLog(images);
}

void Repair(std::string* input) {
  std::vector<std::string> segments = Split(*input);
  for (size_t i = 0; i < segments.size(); ++i) RepairSegment(i + 1, &segments[i]);
  *input = Join(segments);
}

}  // namespace lsm::fuzz
