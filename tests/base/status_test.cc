#include "lsm/base/status.h"

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace lsm {
namespace {

TEST(StatusTest, PlainCodesHaveNoDetail) {
  for (const Status& status :
       {Status(), Status::Ok(), Status::NotFound(), Status::End(), Status::OutOfMemory()}) {
    EXPECT_EQ(status.message(), "");
    EXPECT_EQ(status.file(), "");
    EXPECT_EQ(status.offset(), Status::kNoOffset);
    EXPECT_EQ(status.errnum(), 0);
    EXPECT_EQ(status.ToString(), CodeName(static_cast<int32_t>(status.code())));
  }
  EXPECT_TRUE(Status().ok());
  EXPECT_FALSE(Status::End().ok());
  EXPECT_TRUE(Status::OutOfMemory().retryable());
  EXPECT_FALSE(Status::NotFound().retryable());
}

// Released numbers never change.
TEST(StatusTest, CodesAndNames) {
  const std::pair<int32_t, const char*> expected[] = {
      {0, "LSM_OK"},          {1, "LSM_NOT_FOUND"},
      {2, "LSM_END"},         {10, "LSM_INVALID_ARGUMENT"},
      {11, "LSM_CORRUPTION"}, {12, "LSM_IO_ERROR"},
      {13, "LSM_NO_SPACE"},   {14, "LSM_LOCKED"},
      {15, "LSM_READ_ONLY"},  {16, "LSM_CLOSED"},
      {17, "LSM_BUSY"},       {18, "LSM_ABORTED"},
      {19, "LSM_CONFLICT"},   {20, "LSM_OUT_OF_MEMORY"},
      {21, "LSM_TOO_LARGE"},  {22, "LSM_UNSUPPORTED"},
      {23, "LSM_EXISTS"},     {99, "LSM_INTERNAL"}};
  for (const auto& [code, name] : expected) EXPECT_STREQ(CodeName(code), name);
  for (const int32_t code : {-1, 3, 9, 24, 98, 100, INT32_MAX, INT32_MIN}) {
    EXPECT_STREQ(CodeName(code), "LSM_UNKNOWN");
  }
}

TEST(StatusTest, CorruptionNamesItsPlace) {
  const Status status = Status::Corruption("db/7.log", 4096, "bad block");
  EXPECT_EQ(status.code(), Code::kCorruption);
  EXPECT_EQ(status.file(), "db/7.log");
  EXPECT_EQ(status.offset(), 4096u);
  EXPECT_FALSE(status.retryable());
  EXPECT_EQ(status.ToString(), "bad block (file db/7.log, offset 4096)");
}

TEST(StatusTest, CodesOfErrnos) {
  struct Case {
    int errnum;
    Code code;
    bool retryable;
  };
  const Case cases[] = {{ENOSPC, Code::kNoSpace, true},     {EDQUOT, Code::kNoSpace, true},
                        {ENOMEM, Code::kOutOfMemory, true}, {EMFILE, Code::kIoError, true},
                        {ENFILE, Code::kIoError, true},     {EIO, Code::kIoError, false},
                        {ENOENT, Code::kIoError, false},    {EACCES, Code::kIoError, false}};
  for (const Case& c : cases) {
    const Status status = Status::FromErrno(c.errnum, "open", "db/CURRENT");
    EXPECT_EQ(status.code(), c.code) << c.errnum;
    EXPECT_EQ(status.retryable(), c.retryable) << c.errnum;
    EXPECT_EQ(status.errnum(), c.errnum);
    EXPECT_EQ(status.offset(), Status::kNoOffset);
    EXPECT_TRUE(status.message().starts_with("open: ")) << status.message();
    EXPECT_TRUE(status.ToString().ends_with(" (file db/CURRENT)")) << status.ToString();
  }
}

TEST(StatusTest, DerivedStatusesKeepTheCause) {
  const Status cause = Status::FromErrno(ENOSPC, "write", "f", 8);
  const Status context = cause.WithContext("flush");
  EXPECT_EQ(context.code(), Code::kNoSpace);
  EXPECT_TRUE(context.message().starts_with("flush: write: "));
  EXPECT_EQ(context.errnum(), ENOSPC);
  EXPECT_EQ(context.offset(), 8u);
  EXPECT_TRUE(context.retryable());

  const Status locked = cause.WithCode(Code::kLocked);
  EXPECT_EQ(locked.code(), Code::kLocked);
  EXPECT_EQ(locked.message(), cause.message());
  EXPECT_EQ(locked.errnum(), ENOSPC);

  EXPECT_FALSE(cause.WithRetryable(false).retryable());
  EXPECT_EQ(cause.WithRetryable(false).message(), cause.message());
  EXPECT_TRUE(cause.retryable()) << "the cause is left alone";
  EXPECT_TRUE(Status::Internal("x").WithRetryable(true).retryable());

  EXPECT_TRUE(Status().WithContext("nothing").ok());
  EXPECT_EQ(Status(Code::kClosed).WithContext("db").message(), "db");
}

TEST(StatusTest, CopiesOutliveTheOriginal) {
  auto original = std::make_unique<Status>(Status::Corruption("file", 1, std::string(100, 'm')));
  const Status copy = *original;
  original.reset();
  EXPECT_EQ(copy.message(), std::string(100, 'm'));
}

Result<std::unique_ptr<int>> Positive(int number) {
  if (number <= 0) return Status::InvalidArgument("not positive");
  return std::make_unique<int>(number);
}

Status AddPositive(int number, int* sum) {
  LSM_ASSIGN_OR_RETURN(const std::unique_ptr<int> positive, Positive(number));
  *sum += *positive;
  return Status::Ok();
}

Status AddTwo(int a, int b, int* sum) {
  LSM_RETURN_IF_ERROR(AddPositive(a, sum));
  LSM_RETURN_IF_ERROR(AddPositive(b, sum));
  return Status::Ok();
}

TEST(ResultTest, ValueOrStatus) {
  auto good = Positive(3);
  ASSERT_TRUE(good.ok());
  EXPECT_TRUE(good.status().ok());
  EXPECT_EQ(**good, 3);
  EXPECT_EQ(*good.Take(), 3);
  const auto bad = Positive(0);
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().code(), Code::kInvalidArgument);
}

TEST(ResultTest, MacrosReturnEarly) {
  int sum = 0;
  EXPECT_TRUE(AddTwo(1, 2, &sum).ok());
  EXPECT_EQ(sum, 3);
  EXPECT_EQ(AddTwo(1, -2, &sum).message(), "not positive");
  EXPECT_EQ(sum, 4);
  EXPECT_FALSE(AddTwo(-1, 2, &sum).ok());
  EXPECT_EQ(sum, 4);
}

}  // namespace
}  // namespace lsm
