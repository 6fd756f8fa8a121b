#include "tools/cli/system.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace lsm::cli {
namespace {

constexpr size_t kOutputBufferSize = 64 * 1024;

volatile std::sig_atomic_t cancel_requested = 0;

extern "C" void OnCancelSignal(int) { cancel_requested = 1; }

}  // namespace

void PrepareProcess() {
  for (const int descriptor : {kStdin, kStdout, kStderr}) {
    if (::fcntl(descriptor, F_GETFD) >= 0) continue;
    // The lowest free number is the one wanted. The wrong direction keeps its use an error.
    const int mode = descriptor == kStdin ? O_WRONLY : O_RDONLY;
    if (::open("/dev/null", mode) != descriptor) std::abort();
  }
  std::signal(SIGPIPE, SIG_IGN);
}

void CatchCancelSignals() {
  struct sigaction action = {};
  action.sa_handler = OnCancelSignal;
  // No SA_RESTART: a read that waits for input must wake up.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction old = {};
    // A process started with the signal ignored (nohup, a background job) keeps it so.
    if (::sigaction(signal, nullptr, &old) == 0 && old.sa_handler == SIG_IGN) continue;
    ::sigaction(signal, &action, nullptr);
  }
}

bool CancelRequested() { return cancel_requested != 0; }

bool IsTerminal(int descriptor) { return ::isatty(descriptor) == 1; }

uint32_t TerminalColumns() {
  winsize size = {};
  if (::ioctl(kStderr, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

uint64_t NowNanos() {
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

Result<std::string> MakeTemporaryDirectory() {
  const char* parent = std::getenv("TMPDIR");
  std::string path =
      std::string(parent != nullptr && *parent != '\0' ? parent : "/tmp") + "/lsm-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return Status::FromErrno(errno, "make a temporary directory", path);
  }
  return path;
}

Result<std::unique_ptr<InputStream>> InputStream::Open(const std::string& path) {
  int descriptor = kStdin;
  std::string name = "standard input";
  if (path != "-") {
    name = path;
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return Status::FromErrno(errno, "open", path);
  }
  struct stat file = {};
  const bool regular = ::fstat(descriptor, &file) == 0 && S_ISREG(file.st_mode);
  const auto size = regular ? static_cast<uint64_t>(file.st_size) : 0;
  return std::unique_ptr<InputStream>(new InputStream(descriptor, std::move(name), size));
}

InputStream::~InputStream() {
  if (descriptor_ != kStdin) ::close(descriptor_);
}

Result<size_t> InputStream::Read(char* buffer, size_t size) {
  while (true) {
    if (CancelRequested()) return Status(Code::kAborted, "cancelled");
    const ssize_t count = ::read(descriptor_, buffer, size);
    if (count >= 0) {
      position_ += static_cast<uint64_t>(count);
      return static_cast<size_t>(count);
    }
    if (errno != EINTR) return Status::FromErrno(errno, "read", name_, position_);
  }
}

void OutputStream::Write(std::string_view bytes) {
  if (!ok()) return;
  if (buffer_.size() + bytes.size() < kOutputBufferSize) {
    buffer_.append(bytes);
    return;
  }
  WriteOut(buffer_);
  buffer_.clear();
  if (bytes.size() < kOutputBufferSize) {
    buffer_.append(bytes);
  } else {
    WriteOut(bytes);
  }
}

const Status& OutputStream::Flush() {
  WriteOut(buffer_);
  buffer_.clear();
  return status_;
}

bool OutputStream::closed_by_reader() const { return status_.errnum() == EPIPE; }

void OutputStream::WriteOut(std::string_view bytes) {
  while (ok() && !bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno != EINTR) {
      status_ = Status::FromErrno(errno, "write", name_);
    }
  }
}

Result<std::unique_ptr<OutputFile>> OutputFile::Create(const std::string& path) {
  struct stat file = {};
  const bool in_place = ::stat(path.c_str(), &file) == 0 && !S_ISREG(file.st_mode);
  const std::string partial_path = in_place ? "" : path + ".partial";
  const std::string& target = in_place ? path : partial_path;
  const int descriptor = ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return Status::FromErrno(errno, "create", target);
  return std::unique_ptr<OutputFile>(new OutputFile(descriptor, path, partial_path));
}

OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!partial_path_.empty()) ::unlink(partial_path_.c_str());
}

Status OutputFile::Commit() {
  LSM_RETURN_IF_ERROR(Flush());
  if (partial_path_.empty()) return Status::Ok();
  if (::fsync(descriptor_) != 0) return Status::FromErrno(errno, "sync", partial_path_);
  if (::rename(partial_path_.c_str(), path_.c_str()) != 0) {
    return Status::FromErrno(errno, "rename to its final name", partial_path_);
  }
  ::close(descriptor_);
  descriptor_ = -1;
  return Status::Ok();
}

}  // namespace lsm::cli
