// How far long work is, told on standard error: a bar on a terminal once the work has taken a
// second, or lines of JSON for machines (`--progress json`).

#ifndef LSM_TOOLS_CLI_PROGRESS_H_
#define LSM_TOOLS_CLI_PROGRESS_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace lsm::cli {

enum class ProgressMode { kNone, kBar, kJson };

struct ProgressState {
  std::string_view phase;  // one word, "" where there is only one
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;  // 0: unknown
  uint64_t rows_done = 0;
};

// Rate and time left, from what the last ten seconds brought. Pure: the caller has the clock.
class RateMeter {
 public:
  // A smaller `done` than before (a new phase) starts afresh.
  void Update(uint64_t now_micros, uint64_t done);
  // Bytes a second; nothing before two samples at different times.
  std::optional<double> rate() const;
  std::optional<double> SecondsLeft(uint64_t total) const;

 private:
  struct Sample {
    uint64_t micros;
    uint64_t done;
  };
  std::deque<Sample> samples_;
};

// "compact merge  [#####-----]  50%  1.0 MiB/2.0 MiB  1.0 MiB/s  1.0s left", never wider than
// `columns`.
std::string RenderBar(std::string_view label, const ProgressState& state, const RateMeter& meter,
                      uint32_t columns);
// One line of JSON (tools/README.md has the schema).
std::string RenderProgressJson(std::string_view label, const ProgressState& state,
                               const RateMeter& meter);

class ProgressReporter {
 public:
  // `label`: the command.
  ProgressReporter(ProgressMode mode, std::string label);
  // Ends the bar.
  ~ProgressReporter();

  // Cheap enough for every batch of rows: prints a few times a second at most.
  void Update(const ProgressState& state);
  // Takes the bar off the screen and, as JSON, tells the last state.
  void Finish();

 private:
  void Print();

  ProgressMode mode_;
  std::string label_;
  uint64_t start_micros_;
  uint64_t printed_micros_ = 0;
  RateMeter meter_;
  ProgressState state_;
  std::string phase_;
  bool bar_shown_ = false;
  bool unprinted_ = false;
};

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_PROGRESS_H_
