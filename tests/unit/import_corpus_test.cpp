// Replays the fuzzers' corpus (tests/fuzz): small models, whole and damaged, of every format.
#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <vector>

#include "import/import.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::import {
namespace {

TEST(ImportCorpus, IsReadOrRefusedInOneLine) {
  const test::TempFolder folder;
  folder.write("weights.bin", std::string(4096, '\0'));
  size_t loaded = 0, refused = 0;
  for (const auto& [format, name] :
       {std::pair{"onnx", "model.onnx"}, {"tflite", "model.tflite"}, {"tfjs", "model.json"}}) {
    const auto corpus = std::filesystem::path(TARSIER_SOURCE_DIR) / "tests/fuzz/corpus" / format;
    std::vector<std::filesystem::path> files;
    for (const auto& file : std::filesystem::directory_iterator(corpus)) files.push_back(file.path());
    std::ranges::sort(files);
    EXPECT_FALSE(files.empty()) << corpus;
    for (const auto& path : files) {
      std::ifstream file(path, std::ios::binary);
      const std::string bytes(std::istreambuf_iterator<char>(file), {});
      const auto copy = folder.write(name, bytes);
      const std::string kind = format;
      const auto graph = kind == "onnx"     ? load_onnx(copy)
                         : kind == "tflite" ? load_tflite(copy)
                                            : load_tfjs(copy);
      ++(graph.ok() ? loaded : refused);
      if (graph.ok()) continue;
      EXPECT_EQ(graph.error().kind, ErrorKind::kInput) << path << ": " << graph.error().message;
      EXPECT_EQ(graph.error().message.find('\n'), std::string::npos) << path;
    }
  }
  EXPECT_GT(loaded, 5U);
  EXPECT_GT(refused, 5U);
}

}  // namespace
}  // namespace tarsier::import
