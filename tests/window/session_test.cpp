// A session recorded in the program's own window with a real keyboard (xdotool), and proved afterwards.
#include <filesystem>

#include "app/session_verify.hpp"
#include "core/file.hpp"
#include "support/session_results.hpp"
#include "window/program_test.hpp"

namespace tarsier::test {
namespace {

namespace fs = std::filesystem;

/// The session in out/ whose name begins so, once its head says that it is whole.
fs::path whole_session(const fs::path& folder, const std::string& prefix) {
  std::error_code code;
  for (fs::directory_iterator at(folder / "out", code), end; !code && at != end; at.increment(code)) {
    if (!at->path().filename().string().starts_with(prefix)) continue;
    const auto head = read_text(at->path() / record::Session::kHead);
    if (head.ok() && head->find("\"ended\": \"whole\"") != std::string::npos) return at->path();
  }
  return {};
}

size_t lines_of(const fs::path& file) {
  const auto text = read_text(file);
  return text.ok() ? size_t(std::ranges::count(*text, '\n')) : 0;
}

class WindowSession : public ProgramTest {
 protected:
  WindowSession()
      : ProgramTest("kept", std::string(kDetector) + "[[stage]]\nname = \"track\"\ntype = \"track\"\n") {
    options_.source = "synthetic:640x480@10";
    options_.record = (folder_ / "from the start").string();
  }
};

TEST_F(WindowSession, KeysRecordAndKeepAndWhatWasDoneIsProved) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());  // where out/ is made
  const fs::path steps = fs::path(options_.record) / record::Session::kSteps;
  run_with([&](Hand& user) {
    EXPECT_TRUE(eventually([&] { return lines_of(steps) >= 4; }));
    user.press("space");
    EXPECT_TRUE(user.rest());  // it is drawn again meanwhile
    user.press("Right Right shift+Right");
    EXPECT_TRUE(user.rest());
    user.press("space");
    const size_t so_far = lines_of(steps);
    EXPECT_TRUE(eventually([&] { return lines_of(steps) >= so_far + 3; }));
    user.press("r");  // ends it
    EXPECT_TRUE(eventually([&] {
      const auto head = read_text(fs::path(options_.record) / record::Session::kHead);
      return head.ok() && head->find("whole") != std::string::npos;
    }));
    user.press("r");           // another one
    EXPECT_TRUE(user.rest());  // of some frames
    user.press("r");
    EXPECT_TRUE(eventually([&] { return !whole_session(folder_.path(), "session-").empty(); }));
    user.press("k");
    EXPECT_TRUE(eventually([&] { return !whole_session(folder_.path(), "moment-").empty(); }));
  });
  fs::current_path(before);

  app::VerifyOptions verifying;
  verifying.session = options_.record;
  const Status proved = app::verify(verifying);
  EXPECT_TRUE(proved.ok()) << proved.error().message;
  const auto first = record::Session::open(options_.record);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_TRUE(std::ranges::any_of(first->steps(), [](const auto& step) { return step.redraws > 0; }));
  // Shift and the arrow went 5 s on.
  bool jumped = false;
  for (size_t n = 1; n < first->frames().size(); ++n)
    jumped = jumped || first->frame(n).time_s - first->frame(n - 1).time_s > 4.5;
  EXPECT_TRUE(jumped);

  const auto second = record::Session::open(whole_session(folder_.path(), "session-"));
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_TRUE(second->head().continues);
  EXPECT_EQ(all_results(*second).size(), second->frames().size());
  verifying.session = second->folder().string();
  EXPECT_NE(app::verify(verifying).error().message.find("mid-run"), std::string::npos);

  const auto moment = record::Session::open(whole_session(folder_.path(), "moment-"));
  ASSERT_TRUE(moment.ok()) << moment.error().message;
  EXPECT_FALSE(moment->head().results);
  EXPECT_GE(moment->frames().size(), 5U);
}

}  // namespace
}  // namespace tarsier::test
