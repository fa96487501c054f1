// tarsier bench --layers: single layers of common sizes, compiled as a network of their own.
#pragma once

#include <string>

#include "app/commands.hpp"
#include "infer/plan.hpp"

namespace tarsier::app {

struct LayerBenchOptions {
  bool fp16 = false;
  infer::Tune tune = infer::Tune::kFast;
  int runs = 30;
  std::string json;  // a file; "" for none
};

Status bench_layers(const GlobalOptions& globals, const LayerBenchOptions& options);

}  // namespace tarsier::app
