#include "tools/cli/progress.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/cli/format.h"
#include "tools/cli/system.h"

namespace lsm::cli {
namespace {

constexpr uint64_t kMicrosPerSecond = 1'000'000;
constexpr uint64_t kWindowMicros = 10 * kMicrosPerSecond;
constexpr uint64_t kSampleMicros = kMicrosPerSecond / 10;
constexpr uint64_t kPrintMicros = kMicrosPerSecond / 5;
constexpr uint64_t kQuietMicros = kMicrosPerSecond;
constexpr size_t kMaxBarWidth = 40;
constexpr size_t kMinBarWidth = 10;

void WriteToStderr(std::string_view text) {
  OutputStream stream(kStderr, "standard error");
  stream.Write(text);
  (void)stream.Flush();  // progress that cannot be shown is no failure of the work
}

}  // namespace

void RateMeter::Update(uint64_t now_micros, uint64_t done) {
  if (!samples_.empty() && done < samples_.back().done) samples_.clear();
  // The newest sample moves along; a new one is kept only every so often.
  if (samples_.size() >= 2 &&
      samples_.back().micros - samples_[samples_.size() - 2].micros < kSampleMicros) {
    samples_.back() = {now_micros, done};
  } else {
    samples_.push_back({now_micros, done});
  }
  while (samples_.size() > 2 && now_micros - samples_[1].micros >= kWindowMicros)
    samples_.pop_front();
}

std::optional<double> RateMeter::rate() const {
  if (samples_.size() < 2 || samples_.back().micros == samples_.front().micros) return std::nullopt;
  const auto done = static_cast<double>(samples_.back().done - samples_.front().done);
  const auto micros = static_cast<double>(samples_.back().micros - samples_.front().micros);
  return done / micros * kMicrosPerSecond;
}

std::optional<double> RateMeter::SecondsLeft(uint64_t total) const {
  const std::optional<double> speed = rate();
  if (!speed || *speed <= 0) return std::nullopt;
  const uint64_t done = samples_.back().done;
  return total <= done ? 0.0 : static_cast<double>(total - done) / *speed;
}

std::string RenderBar(std::string_view label, const ProgressState& state, const RateMeter& meter,
                      uint32_t columns) {
  std::string head(label);
  if (!state.phase.empty()) absl::StrAppend(&head, " ", state.phase);
  std::string tail = FormatBytes(state.bytes_done);
  if (state.bytes_total > 0) absl::StrAppend(&tail, "/", FormatBytes(state.bytes_total));
  if (state.rows_done > 0) absl::StrAppend(&tail, "  ", FormatCount(state.rows_done), " rows");
  if (const auto rate = meter.rate()) {
    absl::StrAppend(&tail, "  ", FormatBytes(static_cast<uint64_t>(*rate)), "/s");
  }
  std::string bar;
  if (state.bytes_total > 0) {
    if (const auto left = meter.SecondsLeft(state.bytes_total)) {
      absl::StrAppend(&tail, "  ", FormatDuration(*left), " left");
    }
    const double part = std::min(
        1.0, static_cast<double>(state.bytes_done) / static_cast<double>(state.bytes_total));
    const std::string percent = absl::StrCat(static_cast<int>(part * 100), "%");
    const size_t taken = head.size() + tail.size() + sizeof("  []  100%  ");
    const size_t width = columns > taken ? std::min<size_t>(columns - taken, kMaxBarWidth) : 0;
    if (width >= kMinBarWidth) {
      const auto filled = static_cast<size_t>(part * static_cast<double>(width));
      absl::StrAppend(&bar, "  [", std::string(filled, '#'), std::string(width - filled, '-'), "]");
    }
    absl::StrAppend(&bar, "  ", std::string(4 - percent.size(), ' '), percent);
  }
  std::string line = absl::StrCat(head, bar, "  ", tail);
  // The last column stays free: terminals wrap there.
  if (columns > 0 && line.size() >= columns) line.resize(columns - 1);
  return line;
}

std::string RenderProgressJson(std::string_view label, const ProgressState& state,
                               const RateMeter& meter) {
  std::string line =
      absl::StrCat(R"({"schema":1,"progress":")", label, R"(","phase":")", state.phase,
                   R"(","bytes_done":)", state.bytes_done, R"(,"bytes_total":)", state.bytes_total,
                   R"(,"rows_done":)", state.rows_done);
  const auto rate = meter.rate();
  absl::StrAppend(&line, R"(,"bytes_per_second":)",
                  rate ? absl::StrCat(static_cast<uint64_t>(*rate)) : "null");
  const auto left = state.bytes_total > 0 ? meter.SecondsLeft(state.bytes_total) : std::nullopt;
  absl::StrAppend(&line, R"(,"seconds_left":)", left ? FormatFixed(*left, 1) : "null", "}");
  return line;
}

ProgressReporter::ProgressReporter(ProgressMode mode, std::string label)
    : mode_(mode), label_(std::move(label)), start_micros_(NowNanos() / 1000) {
  meter_.Update(start_micros_, 0);
}

ProgressReporter::~ProgressReporter() { Finish(); }

void ProgressReporter::Update(const ProgressState& state) {
  if (mode_ == ProgressMode::kNone) return;
  const uint64_t now = NowNanos() / 1000;
  const bool new_phase = state.phase != phase_;
  phase_ = state.phase;
  state_ = state;
  state_.phase = phase_;
  unprinted_ = true;
  if (new_phase) meter_ = RateMeter();
  meter_.Update(now, state.bytes_done);
  if (mode_ == ProgressMode::kBar && now - start_micros_ < kQuietMicros) return;
  if (now - printed_micros_ < kPrintMicros) return;
  printed_micros_ = now;
  Print();
}

void ProgressReporter::Print() {
  unprinted_ = false;
  if (mode_ == ProgressMode::kJson) {
    WriteToStderr(RenderProgressJson(label_, state_, meter_) + "\n");
    return;
  }
  bar_shown_ = true;
  WriteToStderr("\r\x1b[K" + RenderBar(label_, state_, meter_, TerminalColumns()));
}

void ProgressReporter::Finish() {
  if (mode_ == ProgressMode::kJson && unprinted_) Print();
  if (bar_shown_) WriteToStderr("\r\x1b[K");
  bar_shown_ = false;
}

}  // namespace lsm::cli
