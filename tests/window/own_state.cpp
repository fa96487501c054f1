// Where panels are goes to a folder of the tests' own, and no test is anybody's first run.
#include <gtest/gtest.h>
#include <memory>

#include "core/file.hpp"
#include "support/own_folder.hpp"

namespace tarsier {
namespace {

class OwnState : public ::testing::Environment {
 public:
  void SetUp() override {
    folder_ = std::make_unique<test::OwnFolder>("XDG_STATE_HOME");
    ASSERT_TRUE(write_text_atomic(*folder_ / "tarsier" / "panels.json", "{}").ok());
  }
  void TearDown() override { folder_.reset(); }

 private:
  std::unique_ptr<test::OwnFolder> folder_;
};

[[maybe_unused]] const auto* const kOwnState = ::testing::AddGlobalTestEnvironment(new OwnState);

}  // namespace
}  // namespace tarsier
