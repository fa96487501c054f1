// Networks that are swapped in mid-run, by the pipeline file and by a real mouse (xdotool) in the program's
// own window, seen in the results that it writes.
#include <algorithm>

#include "core/file.hpp"
#include "record/session.hpp"
#include "window/log_listener.hpp"
#include "window/program_test.hpp"

namespace tarsier::test {
namespace {

// In the left panel of a window of 1280x720, with "Networks" open.
constexpr Spot kSection{150, 207}, kNetwork{150, 252}, kPrecision{150, 296};

class WindowSwapTest : public ProgramTest {
 protected:
  WindowSwapTest() : ProgramTest("swapped", kGoodDetector, {"yolox_nano", "fastestdet"}) {
    options_.source = "synthetic:640x480@10";
    write_results();
  }
  /// The network of each frame so far.
  [[nodiscard]] std::vector<std::string> networks() const {
    std::vector<std::string> out;
    for (const auto& line : results())
      out.push_back(line["params"].is_null() ? out.back()
                                             : line["params"].value("detect.model", "centernet"));
    return out;
  }
  /// Whether so many more frames come, the last one by this network.
  [[nodiscard]] bool comes(const std::string& network, size_t more) const {
    const size_t before = networks().size();
    return eventually([&] {
      const auto all = networks();
      return all.size() > before + more && all.back() == network;
    });
  }
};

TEST_F(WindowSwapTest, FramesGoOnUntilTheNewNetworkIsReady) {
  const auto write = [&](const std::string& model) {
    const std::string text = "[[stage]]\nname = \"detect\"\ntype = \"detect\"\nmodel = \"" + model + "\"\n";
    ASSERT_TRUE(write_text_atomic(folder_ / "swapped.toml", text).ok());
  };
  const LogListener log;
  run_with([&](Hand&) {
    ASSERT_TRUE(comes("yolox_nano", 3));
    const size_t asked = networks().size();
    write("fastestdet");
    ASSERT_TRUE(comes("fastestdet", 3));
    const auto all = networks();
    const auto old = size_t(std::ranges::count(all, "yolox_nano"));
    EXPECT_GE(old, asked + 2) << "the old network served until the new one was ready";
    // What is no network changes nothing.
    const auto text = folder_.write("text.onnx", "just a text\n");
    write(text.string());
    EXPECT_TRUE(eventually([&] { return log.count(options_.pipeline + ":4: " + text.string()) > 0; }));
    EXPECT_TRUE(comes("fastestdet", 5)) << "the last good one goes on";
  });
  const auto all = networks();
  EXPECT_EQ(std::ranges::count(all, (folder_ / "text.onnx").string()), 0);
}

TEST_F(WindowSwapTest, NetworkAndPrecisionAreChosenFromTheirLists) {
  options_.record = (folder_ / "kept").string();
  const auto names = listed_networks();
  const auto other = std::ranges::find(names, "fastestdet");
  ASSERT_NE(other, names.end());
  const LogListener log;
  run_with([&](Hand& user) {
    ASSERT_TRUE(comes("yolox_nano", 3));
    user.click_control(kSection);
    choose(user, kNetwork, other - names.begin());
    ASSERT_TRUE(comes("fastestdet", 3));
    user.press("ctrl+z");
    ASSERT_TRUE(comes("yolox_nano", 3)) << "a swap is a step to undo";
    user.press("ctrl+y");
    ASSERT_TRUE(comes("fastestdet", 3));
    const auto makes = [&](const auto& act) {
      const size_t before = log.count("stages were made");
      act();
      return eventually([&] { return log.count("stages were made") > before; }) && comes("fastestdet", 3);
    };
    ASSERT_TRUE(makes([&] { choose(user, kPrecision, 1); })) << "fp32, fp16, auto; the network stays";
    ASSERT_TRUE(makes([&] { user.press("ctrl+z"); }));
    ASSERT_TRUE(makes([&] { user.press("ctrl+shift+z"); }));
  });
  const auto session = record::Session::open(options_.record);
  ASSERT_TRUE(session.ok()) << session.error().message;
  std::vector<std::string> precisions;
  for (size_t n = 0; n < session->frames().size(); ++n) {
    const std::string now = session->precision_at(n);
    if (precisions.empty() || precisions.back() != now) precisions.push_back(now);
  }
  EXPECT_EQ(precisions, (std::vector<std::string>{"fp32", "fp16", "fp32", "fp16"}));
}

}  // namespace
}  // namespace tarsier::test
