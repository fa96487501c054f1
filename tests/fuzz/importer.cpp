// libFuzzer on a model importer and on shape inference behind it: whatever the bytes are, an answer or an
// input error, in bounded memory. TARSIER_FUZZ_FORMAT (a compile definition) says which: 0 ONNX, 1
// TensorFlow Lite, 2 TensorFlow.js, whose weights are a file of zeros beside the json.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include "graph/passes/passes.hpp"
#include "import/import.hpp"
#include "kernels/kernel.hpp"

namespace {

namespace fs = std::filesystem;

/// A folder of this process, in memory where the system has such a place.
const fs::path& folder() {
  static const fs::path made = [] {
    std::error_code error;
    const fs::path root =
        fs::is_directory("/dev/shm", error) ? fs::path("/dev/shm") : fs::temp_directory_path();
    fs::path path = root / ("tarsier_fuzz_" + std::to_string(getpid()));
    fs::create_directories(path);
    std::ofstream(path / "weights.bin", std::ios::binary) << std::string(4096, '\0');
    std::atexit([] { fs::remove_all(folder()); });
    return path;
  }();
  return made;
}

void abort_unless_input_error(const tarsier::Error& error) {
  if (error.exit_code() == 2 && error.message.find('\n') == std::string::npos) return;
  std::fprintf(stderr, "no input error of one line: %s\n", error.message.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarsier;
  static constexpr const char* kNames[] = {"model.onnx", "model.tflite", "model.json"};
  const fs::path path = folder() / kNames[TARSIER_FUZZ_FORMAT];
  {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  }
  auto loaded = TARSIER_FUZZ_FORMAT == 0   ? import::load_onnx(path)
                : TARSIER_FUZZ_FORMAT == 1 ? import::load_tflite(path)
                                           : import::load_tfjs(path);
  if (!loaded.ok()) {
    abort_unless_input_error(loaded.error());
    return 0;
  }
  for (const graph::ValueId id : loaded->inputs)
    for (int64_t& extent : loaded->value(id).desc.shape)
      if (extent < 0) extent = 8;
  const Status inferred = graph::infer_shapes(*loaded, kernels::Registry::instance());
  if (!inferred.ok()) abort_unless_input_error(inferred.error());
  return 0;
}
