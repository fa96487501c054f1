// Files that are damaged, contradict themselves or ask for more than there is, through the whole way that a
// network takes: import, shapes, plan. Each is refused in one line as the user's input, at little cost.
#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "import/import.hpp"
#include "infer/plan.hpp"
#include "support/gpu_fixture.hpp"
#include "support/input_error.hpp"

namespace tarsier::test {

#ifdef __SANITIZE_ADDRESS__
constexpr int64_t kMostGrowth = 2048 * 1024;  // what is freed is kept for a while
#else
constexpr int64_t kMostGrowth = 512 * 1024;
#endif

class BadModelTest : public GpuTest {
 protected:
  static Status compile(const std::filesystem::path& path) {
    TARSIER_TRY(auto graph, import::load_model(path));
    TARSIER_TRY(const auto plan, infer::Plan::compile(device(), std::move(graph), {}));
    return {};
  }
  static int64_t peak_kilobytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  }
  /// `says`: what the message must name; empty: the file is fine.
  static void expect(const std::filesystem::path& path, std::string_view what,
                     const std::vector<const char*>& says) {
    SCOPED_TRACE(what);
    const int64_t before = peak_kilobytes();
    const Status status = compile(path);
    EXPECT_LT(peak_kilobytes() - before, kMostGrowth);
    if (says.empty()) {
      EXPECT_TRUE(status.ok()) << status.error().message;
      return;
    }
    for (const char* part : says) expect_input_error(status, part);
  }
};

}  // namespace tarsier::test
