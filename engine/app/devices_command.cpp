// tarsier devices
#include <memory>
#include <nlohmann/json.hpp>

#include "app/command_line.hpp"
#include "app/commands.hpp"
#include "core/console.hpp"
#include "core/text.hpp"
#include "gpu/device.hpp"

namespace tarsier::app {
namespace {

Status show_devices(bool as_json) {
  TARSIER_TRY(const auto devices, gpu::enumerate_devices());
  if (as_json) {
    auto rows = nlohmann::json::array();
    for (const auto& device : devices) {
      rows.push_back({{"index", device.index},
                      {"name", device.name},
                      {"uuid", device.uuid},
                      {"driver", device.driver},
                      {"api_version", device.api_version},
                      {"type", device.type},
                      {"software", device.software},
                      {"subgroup_size", device.subgroup_size},
                      {"usable", device.missing.empty()},
                      {"missing", device.missing},
                      {"optional_missing", device.optional_missing}});
    }
    print("{}\n", rows.dump(2));
    return {};
  }
  print("{:>2}  {:<44} {:<15} {:<9} {}\n", "N", "DEVICE", "TYPE", "VULKAN", "USABLE");
  for (const auto& device : devices) {
    const std::string usable =
        device.missing.empty() ? "yes" : fmt::format("no: it lacks {}", join(device.missing, ", "));
    print("{:>2}  {:<44} {:<15} {:<9} {}\n", device.index, device.name, device.type, device.api_version,
          usable);
    print("    driver {}, UUID {}, subgroups of {}\n", device.driver, device.uuid, device.subgroup_size);
    if (!device.optional_missing.empty())
      print("    works without: {}\n", join(device.optional_missing, ", "));
  }
  return {};
}

}  // namespace

void register_devices_command(CLI::App& app, GlobalOptions& globals, Action& action) {
  CLI::App* command = app.add_subcommand("devices", "The Vulkan devices, and why one can't be used");
  const auto as_json = std::make_shared<bool>(false);
  command->add_flag("--json", *as_json, "As JSON");
  command->footer(
      "Examples:\n"
      "  tarsier devices\n"
      "  tarsier run clip.mp4 --device 1           by number\n"
      "  tarsier run clip.mp4 --device radeon      by a part of the name\n");
  add_common_flags(*command, globals, false);
  command->callback([&action, as_json] { action = [as_json] { return show_devices(*as_json); }; });
}

}  // namespace tarsier::app
