// What the tool itself asks of the operating system, beyond what the engine does through lsm/env:
// the standard streams, plain files outside databases, signals and the terminal.

#ifndef LSM_TOOLS_CLI_SYSTEM_H_
#define LSM_TOOLS_CLI_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lsm/base/status.h"

namespace lsm::cli {

inline constexpr int kStdin = 0;
inline constexpr int kStdout = 1;
inline constexpr int kStderr = 2;

// First thing in main: a closed standard stream must not be the number that a database file gets,
// and a closed pipe must be an error of write, not the end of the process.
void PrepareProcess();

// From here on SIGINT and SIGTERM only set a mark that long work looks at; a second one ends the
// process as usual, which costs no acknowledged write.
void CatchCancelSignals();
bool CancelRequested();

bool IsTerminal(int descriptor);
// The width of the terminal on standard error; 80 where it does not tell.
uint32_t TerminalColumns();

uint64_t NowNanos();

// A new, empty directory where temporary files belong.
Result<std::string> MakeTemporaryDirectory();

// Bytes from a file or, for "-", standard input.
class InputStream {
 public:
  static Result<std::unique_ptr<InputStream>> Open(const std::string& path);
  ~InputStream();
  InputStream(const InputStream&) = delete;
  InputStream& operator=(const InputStream&) = delete;

  // How many bytes came, 0 at the end only. kAborted once a cancel signal was seen.
  Result<size_t> Read(char* buffer, size_t size);
  // For messages.
  const std::string& name() const { return name_; }
  // Of a regular file; 0: unknown.
  uint64_t size() const { return size_; }
  uint64_t position() const { return position_; }

 private:
  InputStream(int descriptor, std::string name, uint64_t size)
      : descriptor_(descriptor), name_(std::move(name)), size_(size) {}

  int descriptor_;
  std::string name_;
  uint64_t size_;
  uint64_t position_ = 0;
};

// A buffered stream of bytes to a descriptor. The first failure stays and what is written after it
// is dropped.
class OutputStream {
 public:
  OutputStream(int descriptor, std::string name)
      : descriptor_(descriptor), name_(std::move(name)) {}
  virtual ~OutputStream() = default;
  OutputStream(const OutputStream&) = delete;
  OutputStream& operator=(const OutputStream&) = delete;

  void Write(std::string_view bytes);
  // Hands what is buffered to the system.
  const Status& Flush();
  const Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }
  // The reader went away, which is no failure.
  bool closed_by_reader() const;
  const std::string& name() const { return name_; }

 protected:
  int descriptor_;

 private:
  void WriteOut(std::string_view bytes);

  std::string name_;
  std::string buffer_;
  Status status_;
};

// A file that gets its name only when it is whole: until Commit it stands beside the name as
// "NAME.partial", and goes away with this object. A name that is no regular file (a device, a FIFO)
// is written in place.
class OutputFile final : public OutputStream {
 public:
  static Result<std::unique_ptr<OutputFile>> Create(const std::string& path);
  ~OutputFile() override;
  // Flushes, syncs and names the file. No call may follow.
  Status Commit();

 private:
  OutputFile(int descriptor, std::string path, std::string partial_path)
      : OutputStream(descriptor, path), path_(path), partial_path_(std::move(partial_path)) {}

  std::string path_;
  std::string partial_path_;  // empty: written in place
};

}  // namespace lsm::cli

#endif  // LSM_TOOLS_CLI_SYSTEM_H_
