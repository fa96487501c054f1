// What the tests against recorded references share: the records, the networks, a network on the device.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/file.hpp"
#include "import/import.hpp"
#include "infer/plan.hpp"
#include "models/golden_frames.hpp"
#include "models/store.hpp"
#include "pipeline/network.hpp"
#include "support/test_data.hpp"

namespace tarsier::test {

inline nlohmann::json golden(const std::string& name) {
  const auto text = read_text(home_dir() / "tests/golden" / name);
  EXPECT_TRUE(text.ok()) << text.error().message;
  return text.ok() ? nlohmann::json::parse(*text) : nlohmann::json();
}

struct Located {
  models::Entry entry;
  std::filesystem::path file;
};

/// The network of the catalogue, its files checked by hash; an error is a reason to skip.
inline Result<Located> locate(const std::string& network) {
  TARSIER_TRY(const auto catalogue, models::Catalogue::load(home_dir() / "assets/models.toml"));
  TARSIER_TRY(const auto* entry, catalogue.find(network));
  TARSIER_TRY(auto options, models::store_options({}));
  if (const auto mirror = shared_folder() / "models"; std::filesystem::exists(mirror))
    options.mirrors.push_back(mirror);
  if (const char* folder = std::getenv("TARSIER_CENTERNET"); folder != nullptr && *folder != 0) {
    options.mirrors.emplace_back(folder);
  }
  TARSIER_TRY(const auto files, models::locate(*entry, options));
  return Located{*entry, files.main};
}

/// A network with its pre-processing, all on the device, as the pipelines run it.
class DeviceChain {
 public:
  static Result<std::unique_ptr<DeviceChain>> create(gpu::Device& device, const Located& located,
                                                     uint64_t pixels) {
    auto chain = std::make_unique<DeviceChain>();
    TARSIER_TRY(auto graph, import::load_model(located.file));
    TARSIER_TRY(chain->plan,
                infer::Plan::compile(device, std::move(graph), {.outputs = located.entry.outputs}));
    TARSIER_TRY(const auto input, chain->tensor(chain->plan->inputs()[0], located.entry));
    TARSIER_TRY(chain->preprocess,
                vision::Preprocess::create(device, preprocess_desc(located.entry.input), input));
    TARSIER_TRY(chain->frame,
                device.create_buffer({.size = pixels * 4, .memory = gpu::Memory::kUpload, .name = "frame"}));
    for (const auto& name : located.entry.outputs) {
      TARSIER_TRY(const auto output, chain->tensor(*chain->plan->find_output(name), located.entry));
      chain->outputs.push_back(output);
    }
    if (chain->outputs.empty()) {
      TARSIER_TRY(const auto output, chain->tensor(chain->plan->outputs()[0], located.entry));
      chain->outputs.push_back(output);
    }
    return chain;
  }

  void record(gpu::CommandList& commands, const GoldenFrame& picture) const {
    std::copy(picture.pixels.begin(), picture.pixels.end(), frame.as<uint32_t>().begin());
    preprocess.record(commands, frame.address(), picture.width, picture.height);
    plan->record(commands);
  }

  std::unique_ptr<infer::Plan> plan;
  vision::Preprocess preprocess;
  gpu::Buffer frame;
  std::vector<vision::TensorRef> outputs;

 private:
  static Result<vision::TensorRef> tensor(const infer::TensorBinding& binding, const models::Entry& entry) {
    const auto layout =
        binding.layout == graph::Layout::kC4 ? vision::TensorLayout::kC4 : vision::TensorLayout::kLinear;
    return vision::TensorRef::of(binding.address, binding.desc.shape, layout,
                                 binding.storage == graph::DType::kF16, entry.input.nhwc);
  }
};

}  // namespace tarsier::test
