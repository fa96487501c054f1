// A session recorded in the program's own window with a real keyboard (xdotool), and proved afterwards.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <thread>

#include "app/application.hpp"
#include "app/session_verify.hpp"
#include "core/file.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "gpu/device.hpp"
#include "support/session_results.hpp"
#include "support/temp_folder.hpp"
#include "support/test_data.hpp"
#include "window/hand.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::Hand;

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

TEST(WindowSession, KeysRecordAndKeepAndWhatWasDoneIsProved) {
  log::init("warn");
  if (std::getenv("DISPLAY") == nullptr) GTEST_SKIP() << "no DISPLAY: run under xvfb-run";
  if (std::system("command -v xdotool >/dev/null") != 0) GTEST_SKIP() << "xdotool is missing";
  if (const auto why = test::missing_network("yolox_nano"); !why.empty()) GTEST_SKIP() << why;
  const test::TempFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());  // where out/ is made
  RunOptions options;
  options.pipeline = folder
                         .write("kept.toml",
                                "description = \"Kept.\"\n[[stage]]\nname = \"detect\"\ntype = \"detect\"\n"
                                "model = \"yolox_nano\"\n[[stage]]\nname = \"track\"\ntype = \"track\"\n")
                         .string();
  options.source = "synthetic:640x480@10";
  options.globals.validation = true;
  options.globals.tune = "off";
  options.max_frames = 5000;  // should nobody end it
  options.record = (folder / "from the start").string();
  const fs::path steps = fs::path(options.record) / record::Session::kSteps;
  const uint64_t complaints = gpu::total_validation_messages();

  std::thread hand([&] {
    Hand user("^Tarsier: kept ");
    if (!user.find_window()) return;
    const auto press = [&](const std::string& keys) {
      for (const auto& one : split(keys, ' ')) user.key(one);
      user.act();
    };
    EXPECT_TRUE(Hand::wait([&] { return lines_of(steps) >= 4; }));
    press("space");
    std::this_thread::sleep_for(1s);  // it is drawn again meanwhile
    press("Right Right shift+Right");
    std::this_thread::sleep_for(1s);
    press("space");
    const size_t so_far = lines_of(steps);
    EXPECT_TRUE(Hand::wait([&] { return lines_of(steps) >= so_far + 3; }));
    press("r");  // ends it
    EXPECT_TRUE(Hand::wait([&] {
      const auto head = read_text(fs::path(options.record) / record::Session::kHead);
      return head.ok() && head->find("whole") != std::string::npos;
    }));
    press("r");  // another one
    std::this_thread::sleep_for(1500ms);
    press("r");
    EXPECT_TRUE(Hand::wait([&] { return !whole_session(folder.path(), "session-").empty(); }));
    press("k");
    EXPECT_TRUE(Hand::wait([&] { return !whole_session(folder.path(), "moment-").empty(); }));
    press("q");
  });
  const Status status = run_windowed(options);
  hand.join();
  fs::current_path(before);
  EXPECT_TRUE(status.ok()) << status.error().message;
  EXPECT_EQ(gpu::total_validation_messages(), complaints);

  VerifyOptions verifying;
  verifying.session = options.record;
  const Status proved = verify(verifying);
  EXPECT_TRUE(proved.ok()) << proved.error().message;
  const auto first = record::Session::open(options.record);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_TRUE(std::ranges::any_of(first->steps(), [](const auto& step) { return step.redraws > 0; }));
  // Shift and the arrow went 5 s on.
  bool jumped = false;
  for (size_t n = 1; n < first->frames().size(); ++n)
    jumped = jumped || first->frame(n).time_s - first->frame(n - 1).time_s > 4.5;
  EXPECT_TRUE(jumped);

  const auto second = record::Session::open(whole_session(folder.path(), "session-"));
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_TRUE(second->head().continues);
  EXPECT_EQ(test::all_results(*second).size(), second->frames().size());
  verifying.session = second->folder().string();
  EXPECT_NE(verify(verifying).error().message.find("mid-run"), std::string::npos);

  const auto moment = record::Session::open(whole_session(folder.path(), "moment-"));
  ASSERT_TRUE(moment.ok()) << moment.error().message;
  EXPECT_FALSE(moment->head().results);
  EXPECT_GE(moment->frames().size(), 5U);
}

}  // namespace
}  // namespace tarsier::app
