// Whole directories as maps from names to bytes: to compare them, to copy them, to damage a copy.

#ifndef LSM_TESTS_ENV_DIRECTORY_FILES_H_
#define LSM_TESTS_ENV_DIRECTORY_FILES_H_

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "lsm/env/env.h"

namespace lsm {

using DirectoryFiles = std::map<std::string, std::string>;

// Where a test cannot even do this, there is nothing to test.
inline void Must(const Status& status) {
  if (status.ok()) return;
  std::cerr << status.ToString() << std::endl;
  std::abort();
}

inline DirectoryFiles ReadDirectory(Env* env, const std::string& path) {
  auto directory = env->OpenDirectory(path, Env::OpenMode::kMustExist, nullptr);
  Must(directory.status());
  auto entries = (*directory)->List();
  Must(entries.status());
  DirectoryFiles files;
  for (const DirectoryEntry& entry : *entries) {
    auto file = (*directory)->OpenForReading(entry.name);
    Must(file.status());
    std::string bytes((*file)->size(), '\0');
    Must((*file)->Read(0, bytes.size(), bytes.data()));
    files.emplace(entry.name, std::move(bytes));
  }
  return files;
}

// Makes the directory hold these files and no others.
inline void WriteDirectory(Env* env, const std::string& path, const DirectoryFiles& files) {
  auto directory = env->OpenDirectory(path, Env::OpenMode::kCreateIfMissing, nullptr);
  Must(directory.status());
  auto entries = (*directory)->List();
  Must(entries.status());
  for (const DirectoryEntry& entry : *entries) Must((*directory)->Remove(entry.name));
  for (const auto& [name, bytes] : files) {
    auto file = (*directory)->Create(name);
    Must(file.status());
    Must((*file)->Append(bytes));
    Must((*file)->Close());
  }
}

}  // namespace lsm

#endif  // LSM_TESTS_ENV_DIRECTORY_FILES_H_
