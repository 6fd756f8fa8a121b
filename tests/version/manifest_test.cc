#include "lsm/version/manifest.h"

#include <algorithm>
#include <cerrno>
#include <random>

#include "gtest/gtest.h"
#include "lsm/env/mem_env.h"
#include "lsm/version/file_names.h"
#include "tests/env/directory_files.h"
#include "tests/env/faulty_env.h"

namespace lsm {
namespace {

constexpr char kPath[] = "db";

class ManifestTest : public testing::Test {
 protected:
  ManifestTest() : env_(NewMemEnv()) { OpenDirectory(); }

  void OpenDirectory() {
    auto opened = env_->OpenDirectory(kPath, Env::OpenMode::kCreateIfMissing, nullptr);
    ASSERT_TRUE(opened.ok());
    directory_ = opened.Take();
  }

  // Manifest 7 of some edits, each with a log number of its own.
  void WriteSome(int count) {
    auto writer = ManifestWriter::Create(directory_.get(), 7, {.added_logs = {{100, 1}}});
    ASSERT_TRUE(writer.ok()) << writer.status().ToString();
    for (int i = 1; i < count; ++i) {
      const VersionEdit edit{.added_logs = {{100 + static_cast<uint64_t>(i), 1}}};
      ASSERT_TRUE((*writer)->Append(EncodeVersionEdit(edit)).ok());
    }
  }

  // The log numbers that the manifest in these bytes tells of.
  Status Read(std::string_view bytes, std::vector<uint64_t>* numbers) {
    numbers->clear();
    WriteDirectory(env_.get(), "copy", {{ManifestFileName(7), std::string(bytes)}});
    auto copy = env_->OpenDirectory("copy", Env::OpenMode::kMustExist, nullptr);
    auto file = (*copy)->OpenForReading(ManifestFileName(7));
    return ReadManifest(file.Take(), 7, [&](const ManifestRecord& record) {
      if (!record.is_mark) numbers->push_back(record.edit.added_logs.at(0).number);
      return Status::Ok();
    });
  }

  std::string Bytes() { return ReadDirectory(env_.get(), kPath)[ManifestFileName(7)]; }

  const std::unique_ptr<Env> env_;
  std::unique_ptr<Directory> directory_;
};

TEST_F(ManifestTest, TellsWhatWasWrittenInOrder) {
  WriteSome(3);
  std::vector<uint64_t> numbers;
  ASSERT_TRUE(Read(Bytes(), &numbers).ok());
  EXPECT_EQ(numbers, (std::vector<uint64_t>{100, 101, 102}));
  // The visitor's failure is the answer.
  auto file = directory_->OpenForReading(ManifestFileName(7));
  int visits = 0;
  const Status status = ReadManifest(file.Take(), 7, [&](const ManifestRecord&) {
    ++visits;
    return Status(Code::kAborted);
  });
  EXPECT_TRUE(status.Is(Code::kAborted));
  EXPECT_EQ(visits, 1);
}

TEST_F(ManifestTest, AMarkFollowsEveryEdit) {
  WriteSome(3);
  std::vector<bool> marks;
  ASSERT_TRUE(ReadManifest(directory_->OpenForReading(ManifestFileName(7)).Take(), 7,
                           [&](const ManifestRecord& record) {
                             marks.push_back(record.is_mark);
                             return Status::Ok();
                           })
                  .ok());
  EXPECT_EQ(marks, (std::vector<bool>{false, true, false, true, false, true}));
}

TEST_F(ManifestTest, DamageOfAnyByteIsAnErrorOrChangesNothing) {
  WriteSome(4);
  std::vector<uint64_t> expected;
  const std::string bytes = Bytes();
  ASSERT_TRUE(Read(bytes, &expected).ok());
  const size_t used = bytes.find_last_not_of('\0') + 1;
  std::mt19937_64 random(1);
  int errors = 0;
  for (size_t at = 0; at < used + 100; ++at) {
    SCOPED_TRACE(testing::Message() << "byte " << at);
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1 << random() % 8);
    std::vector<uint64_t> numbers;
    const Status status = Read(damaged, &numbers);
    if (status.ok()) {
      EXPECT_EQ(numbers, expected);
      // Only the last mark is not missed.
      EXPECT_GE(at, used - 32);
    } else {
      ++errors;
      EXPECT_TRUE(status.Is(Code::kCorruption) || status.Is(Code::kUnsupported))
          << status.ToString();
      EXPECT_EQ(status.file(), "copy/" + ManifestFileName(7));
    }
  }
  EXPECT_GT(errors, 0);
}

TEST_F(ManifestTest, ATornLastEditIsCut) {
  WriteSome(3);
  const std::string bytes = Bytes();
  const size_t used = bytes.find_last_not_of('\0') + 1;
  std::vector<uint64_t> numbers;
  size_t last_count = 3;
  for (size_t cut = used; cut > kLogSegmentHeaderSize; --cut) {
    std::string torn = bytes;
    std::fill(torn.begin() + static_cast<ptrdiff_t>(cut), torn.end(), '\0');
    const Status status = Read(torn, &numbers);
    if (!status.ok()) {
      // Nothing is left of a whole state.
      EXPECT_TRUE(numbers.empty());
      EXPECT_TRUE(status.Is(Code::kCorruption));
      last_count = 0;
      continue;
    }
    EXPECT_LE(numbers.size(), last_count);
    last_count = numbers.size();
    for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], 100 + i);
  }
  EXPECT_EQ(last_count, 0u);
}

TEST_F(ManifestTest, AShorterFileIsDamage) {
  WriteSome(3);
  const std::string bytes = Bytes();
  std::vector<uint64_t> numbers;
  for (const size_t size : {size_t{0}, size_t{63}, size_t{64}, size_t{200}, bytes.size() - 1}) {
    EXPECT_TRUE(Read(bytes.substr(0, size), &numbers).Is(Code::kCorruption)) << size;
  }
}

TEST_F(ManifestTest, AFieldOfTheFutureIsUnsupported) {
  auto writer = ManifestWriter::Create(directory_.get(), 7, {});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Append(std::string("\x63\x01x", 3)).ok());
  std::vector<uint64_t> numbers;
  auto file = directory_->OpenForReading(ManifestFileName(7));
  const Status status =
      ReadManifest(file.Take(), 7, [](const ManifestRecord&) { return Status::Ok(); });
  EXPECT_TRUE(status.Is(Code::kUnsupported)) << status.ToString();
}

TEST_F(ManifestTest, CurrentNamesTheManifestInForce) {
  EXPECT_EQ(ReadCurrentManifest(directory_.get()).status().errnum(), ENOENT);
  ASSERT_TRUE(SetCurrentManifest(directory_.get(), 12).ok());
  EXPECT_EQ(*ReadCurrentManifest(directory_.get()), 12u);
  // Also beside what a crash has left.
  ASSERT_TRUE(directory_->Create("CURRENT.tmp").ok());
  ASSERT_TRUE(SetCurrentManifest(directory_.get(), 1'234'567).ok());
  EXPECT_EQ(*ReadCurrentManifest(directory_.get()), 1'234'567u);
  EXPECT_EQ(ReadDirectory(env_.get(), kPath).size(), 1u);
}

TEST_F(ManifestTest, DamageOfCurrentIsAlwaysNoticed) {
  ASSERT_TRUE(SetCurrentManifest(directory_.get(), 12).ok());
  const std::string bytes = ReadDirectory(env_.get(), kPath)["CURRENT"];
  const auto read = [&](const std::string& content) {
    WriteDirectory(env_.get(), "copy", {{"CURRENT", content}});
    auto copy = env_->OpenDirectory("copy", Env::OpenMode::kMustExist, nullptr);
    return ReadCurrentManifest(copy->get()).status();
  };
  ASSERT_TRUE(read(bytes).ok());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_TRUE(read(bytes.substr(0, size)).Is(Code::kCorruption)) << size;
  }
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    const Status status = read(flipped);
    EXPECT_TRUE(status.Is(Code::kCorruption)) << bit;
    EXPECT_EQ(status.file(), "copy/CURRENT");
  }
  for (const std::string& tail :
       {std::string("\n"), std::string(1, '\0'), std::string(5000, 'x')}) {
    EXPECT_TRUE(read(bytes + tail).Is(Code::kCorruption));
  }
  EXPECT_TRUE(read("MANIFEST-000012\n").Is(Code::kCorruption)) << "what other engines write";
}

// At every moment CURRENT names a whole manifest: each step fails in turn.
TEST_F(ManifestTest, AFailedReplacementLeavesTheOldOneOrTheNew) {
  for (const FileCall failing : {FileCall::kCreate, FileCall::kAppend, FileCall::kSyncWritable,
                                 FileCall::kClose, FileCall::kRename, FileCall::kSyncDirectory}) {
    SCOPED_TRACE(static_cast<int>(failing));
    ASSERT_TRUE(SetCurrentManifest(directory_.get(), 12).ok());
    FaultyEnv faulty(env_.get());
    auto directory = faulty.OpenDirectory(kPath, Env::OpenMode::kMustExist, nullptr);
    ASSERT_TRUE(directory.ok());
    faulty.FailAll(failing, "", EIO);
    EXPECT_EQ(SetCurrentManifest(directory->get(), 13).errnum(), EIO);
    const uint64_t renamed = failing == FileCall::kSyncDirectory ? 13 : 12;
    EXPECT_EQ(*ReadCurrentManifest(directory_.get()), renamed);
  }
}

}  // namespace
}  // namespace lsm
