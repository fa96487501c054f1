#include "core/console.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <unistd.h>

namespace tarsier {
namespace {

/// Standard output goes elsewhere while it lives.
class Redirected {
 public:
  explicit Redirected(int to) : kept_(::dup(STDOUT_FILENO)) {
    std::fflush(stdout);
    ::dup2(to, STDOUT_FILENO);
    ::close(to);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;
  ~Redirected() {
    std::fflush(stdout);
    std::clearerr(stdout);
    ::dup2(kept_, STDOUT_FILENO);
    ::close(kept_);
  }

 private:
  int kept_;
};

const std::string kMuch(100'000, 'x');  // more than any stream buffers

TEST(Console, AReaderThatHasGoneIsNoError) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);  // as in main()
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  Status status;
  {
    const Redirected redirected(ends[1]);
    EXPECT_NO_THROW(print("{}\n", kMuch));
    EXPECT_NO_THROW(print("and {}\n", 1));
    status = console_status();
  }
  std::signal(SIGPIPE, before);
  EXPECT_TRUE(status.ok()) << status.error().message;
}

TEST(Console, AFullDiskIsOne) {
  std::FILE* full = std::fopen("/dev/full", "w");
  if (full == nullptr) GTEST_SKIP() << "/dev/full cannot be opened here";
  Status status;
  {
    const Redirected redirected(::dup(::fileno(full)));
    EXPECT_NO_THROW(print("{}\n", kMuch));
    status = console_status();
  }
  std::fclose(full);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().exit_code(), 1);
  EXPECT_NE(status.error().message.find("standard output cannot be written"), std::string::npos);
  EXPECT_TRUE(console_status().ok()) << "told once";
}

}  // namespace
}  // namespace tarsier
