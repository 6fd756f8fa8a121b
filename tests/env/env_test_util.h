// What the tests of this room share.

#ifndef LSM_TESTS_ENV_ENV_TEST_UTIL_H_
#define LSM_TESTS_ENV_ENV_TEST_UTIL_H_

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "lsm/env/env.h"

#define EXPECT_OK(expression) EXPECT_EQ((expression).ToString(), "LSM_OK")
#define ASSERT_OK(expression) ASSERT_EQ((expression).ToString(), "LSM_OK")

namespace lsm {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// A directory of its own on the real file system, removed with all that is in it.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(const std::string& parent = TestRoot()) {
    std::string pattern = parent + "/lsm_env_test.XXXXXX";
    const char* made = mkdtemp(pattern.data());
    if (made == nullptr) std::abort();
    path_ = made;
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }

 private:
  static std::string TestRoot() {
    const char* root = std::getenv("TEST_TMPDIR");
    return root != nullptr ? root : "/tmp";
  }

  std::string path_;
};

inline std::unique_ptr<Directory> MustOpenDirectory(
    const std::string& path, Env* env = Env::Posix(),
    Env::OpenMode mode = Env::OpenMode::kCreateIfMissing) {
  Result<std::unique_ptr<Directory>> directory = env->OpenDirectory(path, mode, nullptr);
  EXPECT_OK(directory.status());
  return directory.Take();
}

inline void MustWrite(Directory* directory, std::string_view name, std::string_view bytes) {
  Result<std::unique_ptr<WritableFile>> file = directory->Create(name);
  ASSERT_OK(file.status());
  ASSERT_OK((*file)->Append(bytes));
  ASSERT_OK((*file)->Close());
}

// All of the file, or the status in words.
inline std::string ReadAll(ReadableFile* file) {
  std::string bytes(file->size(), '?');
  const Status status = file->Read(0, bytes.size(), bytes.data());
  return status.ok() ? bytes : status.ToString();
}

inline std::string ReadAll(Directory* directory, std::string_view name) {
  Result<std::unique_ptr<ReadableFile>> file = directory->OpenForReading(name);
  return file.ok() ? ReadAll(file->get()) : file.status().ToString();
}

}  // namespace lsm

#endif  // LSM_TESTS_ENV_ENV_TEST_UTIL_H_
