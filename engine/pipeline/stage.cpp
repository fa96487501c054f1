#include "pipeline/stage.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "import/import.hpp"

namespace tarsier::pipeline {
namespace {

const StageType* const kTypes[] = {&kDetectStage,  &kSegmentStage, &kTrackStage, &kLanesStage,
                                   &kRangeStage,   &kPrivacyStage, &kZonesStage, &kBackgroundStage,
                                   &kFaceStage,    &kBodyStage,    &kHandsStage, &kDepthStage,
                                   &kEnhanceStage, &kBirdseyeStage};

Result<const StageType*> find_type(const StageSpec& spec) {
  std::vector<std::string> known;
  for (const StageType* type : kTypes) {
    if (type->name == spec.type) return type;
    known.emplace_back(type->name);
  }
  return placed(spec.place, input_error("stage '{}': there is no type '{}'{}; types are {}", spec.name,
                                        spec.type, did_you_mean(spec.type, known), join(known, ", ")));
}

}  // namespace

Status declare_stage(const StageSpec& spec, std::span<const StageSpec> before,
                     const models::Catalogue& catalogue, Params& params) {
  TARSIER_TRY(const auto* type, find_type(spec));
  if (!spec.zones.empty() && type != &kZonesStage) {
    return placed(
        spec.zones.front().place,
        input_error("stage '{}': a stage of type {} has no zones and no lines; put them behind one of type "
                    "zones",
                    spec.name, spec.type));
  }
  return type->declare(spec, before, catalogue, params);
}

Result<std::unique_ptr<Stage>> make_stage(const StageSpec& spec, StageContext& context) {
  TARSIER_TRY(const auto* type, find_type(spec));
  return type->make(spec, context);
}

Error placed(const std::string& place, const Error& error) {
  return place.empty() ? error : error.in(place);
}

Error at(const StageSpec& spec, std::string_view key, const Params& params, const Error& error) {
  const std::string place = params.place(fmt::format("{}.{}", spec.name, key));
  return placed(place.empty() ? spec.place : place, error);
}

Error misfit(const StageSpec& spec, std::string_view key, const Params& params, const Error& error) {
  return error.kind == ErrorKind::kInput ? at(spec, key, params, error) : error;
}

Result<models::Entry> declare_model(const StageSpec& spec, std::string initial,
                                    const models::Catalogue& catalogue, Params& params,
                                    std::string_view key) {
  StageParams declare(spec.name, params);
  declare.text(key, std::move(initial), "network: a name of `tarsier models list`, or a file",
               StageParams::kOnStart);
  TARSIER_CHECK(declare.status());
  auto entry = catalogue.resolve(params.text(fmt::format("{}.{}", spec.name, key)));
  return entry.ok() ? std::move(entry) : at(spec, key, params, entry.error());
}

Result<std::unique_ptr<Network>> load_network(const StageSpec& spec, const StageContext& context,
                                              NetworkOptions options, std::string_view key) {
  TARSIER_TRY(const auto entry,
              context.catalogue.resolve(context.params.text(fmt::format("{}.{}", spec.name, key))));
  options.precision = context.precision;
  options.tune = context.tune;
  options.progress = context.progress;
  auto network = Network::load(context.device, entry, context.store, options);
  return network.ok() ? std::move(network) : misfit(spec, key, context.params, network.error());
}

Result<std::vector<gpu::Buffer>> readback_buffers(const StageContext& context, uint64_t bytes,
                                                  const std::string& stage) {
  std::vector<gpu::Buffer> buffers;
  for (uint32_t slot = 0; slot < context.slots; ++slot) {
    TARSIER_TRY(auto buffer,
                context.device.create_buffer(
                    {.size = bytes, .memory = gpu::Memory::kReadback, .name = stage + " results"}));
    buffers.push_back(std::move(buffer));
  }
  return buffers;
}

Status declare_input(const StageSpec& spec, std::string initial, std::string help, Params& params) {
  StageParams declare(spec.name, params);
  declare.text("input", std::move(initial), std::move(help), StageParams::kOnStart);
  return declare.status();
}

Status check_input(const StageSpec& spec, std::span<const StageSpec> before, std::string_view type,
                   const Params& params) {
  const std::string& input = params.text(spec.name + ".input");
  std::vector<std::string> suitable;
  for (const auto& other : before) {
    if (other.type == type) suitable.push_back(other.name);
  }
  if (std::ranges::find(suitable, input) != suitable.end()) return {};
  const std::string what = suitable.empty()
                               ? fmt::format("no stage before it; put a stage of type {} there", type)
                               : fmt::format("no {} stage before it{}; there is {}", type,
                                             did_you_mean(input, suitable), join(suitable, ", "));
  return at(spec, "input", params, input_error("stage '{}': its input '{}' is {}", spec.name, input, what));
}

Status declare_input_mask(const StageSpec& spec, std::string stage, std::string mask, std::string help,
                          Params& params) {
  TARSIER_CHECK(declare_input(spec, std::move(stage), std::move(help), params));
  StageParams declare(spec.name, params);
  declare.text("input_mask", std::move(mask), "the name of that mask", StageParams::kOnStart);
  return declare.status();
}

Status check_input_mask(const StageSpec& spec, std::span<const StageSpec> before, const Params& params) {
  TARSIER_CHECK(check_input(spec, before, "segment", params));
  const std::string& input = params.text(spec.name + ".input");
  const std::string& mask = params.text(spec.name + ".input_mask");
  std::vector<std::string> masks;
  for (const auto& one : std::ranges::find(before, input, &StageSpec::name)->masks) masks.push_back(one.name);
  if (std::ranges::find(masks, mask) != masks.end()) return {};
  return at(spec, "input_mask", params,
            input_error("stage '{}': stage '{}' makes no mask '{}'{}; there is {}", spec.name, input, mask,
                        did_you_mean(mask, masks), join(masks, ", ")));
}

Status check_only_one(const StageSpec& spec, std::span<const StageSpec> before) {
  for (const auto& other : before) {
    if (other.type != spec.type) continue;
    return placed(spec.place,
                  input_error("stage '{}': '{}' is one already; a pipeline has one stage of type {}",
                              spec.name, other.name, spec.type));
  }
  return {};
}

Result<Stage*> input_of(const StageSpec& spec, const StageContext& context) {
  const std::string& input = context.params.text(spec.name + ".input");
  for (const auto& stage : context.before) {
    if (stage->name() == input) return stage.get();
  }
  return runtime_error("its input '{}' is left out", input);
}

Error unsuitable(const models::Entry& entry, std::string_view does, std::string_view task) {
  if (entry.own_file.empty()) {
    return input_error("{}: {} (its head is '{}'); choose one whose task is {} in `tarsier models list`",
                       entry.name, does, models::name_of(entry.head), task);
  }
  if (const auto graph = import::load_model(entry.own_file); !graph.ok()) return graph.error();
  auto description = entry.own_file;
  description.replace_extension(".toml");
  return input_error("{}: {} (its head is '{}'); say in {} how its output is read (head, outputs, input)",
                     entry.own_file.string(), does, models::name_of(entry.head), description.string());
}

}  // namespace tarsier::pipeline
