#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

#include "app/command_line.hpp"
#include "app/npy.hpp"
#include "app/tool_model.hpp"
#include "core/file.hpp"

namespace tarsier::app {
namespace {

namespace fs = std::filesystem;
using graph::DType;
using graph::Tensor;

class Npy : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / fmt::format("tarsier_npy_{}", getpid());
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  /// A file of that version with this header (padded) and data.
  [[nodiscard]] fs::path raw(int version, std::string header, const std::string& data) const {
    header += '\n';
    std::string file = "\x93NUMPY";
    file += static_cast<char>(version);
    file += '\0';
    file += static_cast<char>(header.size());
    file += '\0';
    if (version > 1) file += std::string(2, '\0');
    std::ofstream(root_ / "raw.npy", std::ios::binary) << file << header << data;
    return root_ / "raw.npy";
  }
  fs::path root_;
};

TEST_F(Npy, EveryTypeAndRankSurvivesTheRoundTrip) {
  const std::vector<graph::Shape> shapes = {{}, {5}, {2, 3}, {1, 3, 5, 7}, {0, 4}};
  for (const DType type : {DType::kF16, DType::kF32, DType::kF64, DType::kU8, DType::kI8, DType::kI16,
                           DType::kI32, DType::kI64, DType::kBool}) {
    for (const auto& shape : shapes) {
      Tensor tensor({type, shape});
      uint8_t next = 1;
      for (auto& byte : tensor.mutable_bytes()) byte = std::byte(type == DType::kBool ? next++ & 1 : next++);
      ASSERT_TRUE(write_npy(root_ / "a.npy", tensor).ok());
      EXPECT_EQ(fs::file_size(root_ / "a.npy") % 64, tensor.bytes().size() % 64)
          << "the data must start at a multiple of 64";
      const auto back = read_npy(root_ / "a.npy");
      ASSERT_TRUE(back.ok()) << back.error().message;
      EXPECT_EQ(back->desc(), tensor.desc());
      EXPECT_TRUE(std::ranges::equal(back->bytes(), tensor.bytes()));
    }
  }
}

TEST_F(Npy, ReadsVersionTwoAsNumpyWritesIt) {
  const auto tensor = read_npy(raw(2, "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }  ",
                                   std::string("\x01\x00\xFF\xFF", 4)));
  ASSERT_TRUE(tensor.ok()) << tensor.error().message;
  EXPECT_EQ(tensor->to_ints(), (std::vector<int64_t>{1, -1}));
}

TEST_F(Npy, EveryBadFileSaysWhatToDo) {
  const std::string four(4, 'x');
  const std::vector<std::tuple<std::string, std::string, int, std::string>> cases = {
      {"{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", four, 1, "ascontiguousarray"},
      {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", four, 1, "type >f4 is not supported"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", four, 1, "truncated"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", four, 1,
       "truncated or damaged"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", four, 1, "structured"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (x,), }", four, 1, "damaged shape"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", four, 9, "version 9"},
  };
  for (const auto& [header, data, version, message] : cases) {
    const auto tensor = read_npy(raw(version, header, data));
    ASSERT_FALSE(tensor.ok()) << header;
    EXPECT_EQ(tensor.error().exit_code(), 2);
    EXPECT_NE(tensor.error().message.find(message), std::string::npos) << tensor.error().message;
  }
  std::ofstream(root_ / "text.npy") << "no numpy file at all";
  EXPECT_NE(read_npy(root_ / "text.npy").error().message.find("is no .npy file"), std::string::npos);
  EXPECT_NE(read_npy(root_ / "none.npy").error().message.find("no such file"), std::string::npos);
}

class Flags : public testing::Test {
 protected:
  Flags() : app_("test", "tarsier") { register_commands(app_, globals_, action_); }
  GlobalOptions globals_;
  Action action_;
  CLI::App app_;
};

TEST_F(Flags, AMistypedFlagOrCommandComesWithTheNearest) {
  const auto unknown = [&](std::vector<std::string> arguments) {
    return find_unknown(app_, arguments).value_or("");
  };
  EXPECT_EQ(unknown({"bench", "centernet", "--rusn", "3"}),
            "unknown flag '--rusn' (did you mean '--runs'?); see `tarsier bench --help`");
  EXPECT_EQ(unknown({"infer", "--imgae=a.png"}),
            "unknown flag '--imgae' (did you mean '--image'?); see `tarsier infer --help`");
  EXPECT_EQ(unknown({"models", "lst"}),
            "unknown command 'lst' (did you mean 'list'?); see `tarsier models --help`");
  EXPECT_EQ(unknown({"bnech", "x"}), "unknown command 'bnech' (did you mean 'bench'?); see `tarsier --help`");
  EXPECT_EQ(unknown({"infer", "model.onnx", "--in", "a=-1.npy", "-5"}), "");
  EXPECT_EQ(unknown({"bench", "centernet", "--runs", "3", "--", "--what"}), "");
}

TEST_F(Flags, EveryCommandHasHelpWithExamples) {
  std::vector<const CLI::App*> commands = {&app_};
  for (size_t i = 0; i < commands.size(); ++i) {
    const auto* command = commands[i];
    for (const auto* sub : command->get_subcommands([](const CLI::App*) { return true; }))
      commands.push_back(sub);
    if (i == 0) continue;
    EXPECT_NE(command->help().find("Examples:\n"), std::string::npos) << command->get_name();
    for (const auto* option : command->get_options())
      EXPECT_FALSE(option->get_description().empty()) << option->get_name();
  }
  EXPECT_GT(commands.size(), 7U);
}

TEST(ImageInput, IsFoundInBothLayouts) {
  EXPECT_EQ(image_input({1, 3, 48, 64})->width, 64);
  EXPECT_FALSE(image_input({1, 3, 48, 64})->nhwc);
  EXPECT_EQ(image_input({1, 48, 64, 3})->height, 48);
  EXPECT_TRUE(image_input({1, 48, 64, 3})->nhwc);
  EXPECT_FALSE(image_input({1, 8, 48, 64}));
  EXPECT_FALSE(image_input({3, 48, 64}));
}

}  // namespace
}  // namespace tarsier::app
