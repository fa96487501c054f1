// tarsier session and tarsier verify: what is in a session, parts and copies of it, and whether it is true.
#include <cmath>
#include <memory>

#include "app/command_line.hpp"
#include "app/commands.hpp"
#include "app/session_verify.hpp"
#include "core/console.hpp"
#include "record/session_copy.hpp"

namespace tarsier::app {
namespace {

/// "0:12.4"
std::string duration_text(double seconds) {
  const int64_t tenths = std::llround(seconds * 10);
  return fmt::format("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10);
}

Status print_info(const std::string& folder) {
  TARSIER_TRY(const auto session, record::Session::open(folder));
  const record::SessionHead& head = session.head();
  const auto& source = head.source;
  const size_t frames = session.frames().size();
  const double seconds = session.frame(frames - 1).taken_s;
  put(stdout, fmt::format("session     {}, begun {}, Tarsier {}{}\n", folder, head.began, head.tarsier,
                          head.continues ? ", in mid-run" : ""));
  put(stdout, fmt::format("ended       {}\n", head.ended.empty() ? "not finished" : head.ended));
  put(stdout, fmt::format("frames      {} in {}, {}x{}\n", frames, duration_text(seconds), source.width,
                          source.height));
  put(stdout,
      fmt::format("pictures    {}\n", source.kept ? "in the session, lossless" : "of " + source.reference));
  if (!source.sha256.empty()) put(stdout, fmt::format("            SHA-256 {}\n", source.sha256));
  put(stdout, fmt::format("pipeline    {}{}, {}\n", head.pipeline,
                          head.preset.empty() ? "" : ", preset " + head.preset, head.precision));
  for (const auto& one : head.networks)
    put(stdout,
        fmt::format("network     {} = {}: {}, SHA-256 {}\n", one.key, one.name, one.file, one.sha256));
  put(stdout, fmt::format("device      {} ({})\n", head.device, head.driver));
  put(stdout,
      fmt::format("changes     {} of parameters or pipeline, in frames", session.changes().size() - 1));
  for (size_t i = 1; i < session.changes().size() && i <= 12; ++i)
    put(stdout, fmt::format(" {}", session.changes()[i]));
  put(stdout, session.changes().size() > 13 ? " ...\n" : "\n");
  uint64_t lines = 0;
  for (auto results = session.results(); results.next();) ++lines;
  put(stdout, fmt::format("results     {}{}\n", lines > 0 ? fmt::format("{} lines", lines) : "none",
                          head.layers ? ", and digests of the networks' layers" : ""));
  put(stdout, fmt::format("size        {}\n", readable_bytes(session.bytes_on_disk())));
  return {};
}

void add_source(CLI::App& command, std::string& source) {
  command.add_option("--source", source, "Where the session's clip is now, if it was moved");
}

}  // namespace

void register_verify_command(CLI::App& app, GlobalOptions& globals, Action& action) {
  CLI::App* command = app.add_subcommand(
      "verify", "Run a session anew and tell the first frame, stage, layer and number that differ");
  const auto options = std::make_shared<VerifyOptions>();
  command->add_option("session", options->session, "Folder that --record or a key wrote")->required();
  command->add_option("--against", options->against,
                      "Another session of the same frames, made elsewhere, instead of a run here");
  add_source(*command, options->source);
  auto* tolerance =
      command
          ->add_option("--tolerance", options->tolerance.absolute,
                       "Largest difference of numbers, absolute or of the number; default: none on the same "
                       "device and driver, 0.01 on another")
          ->check(CLI::Range(0.0, 1e9));
  command->footer(
      "Ends with 0 where all frames are the same, with 1 where one differs.\n"
      "Examples:\n"
      "  tarsier verify monday\n"
      "  tarsier verify monday --device nvidia\n"
      "  tarsier verify monday --against monday-on-the-car\n");
  add_common_flags(*command, globals, true);
  command->callback([&action, &globals, options, tolerance] {
    action = [&globals, options, tolerance] {
      options->globals = globals;
      options->tolerance_given = tolerance->count() > 0;
      options->tolerance.relative = options->tolerance.absolute;
      return verify(*options);
    };
  });
}

void register_session_command(CLI::App& app, GlobalOptions& globals, Action& action) {
  CLI::App* command = app.add_subcommand("session", "What is in a session; parts and copies of it");
  command->require_subcommand(1);
  const auto options = std::make_shared<record::SessionCopy>();
  const auto folder = std::make_shared<std::string>();

  CLI::App* info = command->add_subcommand("info", "Frames, pipeline, networks, device and size");
  info->add_option("session", *folder, "Folder of the session")->required();
  add_common_flags(*info, globals, false);
  info->footer("Examples:\n  tarsier session info monday\n");
  info->callback([&action, folder] { action = [folder] { return print_info(*folder); }; });

  const auto copies = [&](CLI::App& part, const char* target) {
    part.add_option("session", *folder, "Folder of the session")->required();
    part.add_option("target", options->target, target)->required();
    part.add_option("--from", options->first, "First frame")->capture_default_str();
    part.add_option("--to", options->last, "Last frame; without it the session's");
    add_source(part, options->source);
    add_common_flags(part, globals, false);
    return [&action, folder, options](bool pictures) {
      action = [folder, options, pictures]() -> Status {
        TARSIER_TRY(const auto session, record::Session::open(*folder));
        options->with_pictures = pictures;
        TARSIER_TRY(const auto frames, record::copy_session(session, *options));
        put(stdout, fmt::format("written     {}, {} frames\n", options->target.string(), frames));
        return {};
      };
    };
  };
  CLI::App* trim = command->add_subcommand("trim", "A new session of some of the frames");
  trim->callback([act = copies(*trim, "New folder")] { act(false); });
  trim->footer("Examples:\n  tarsier session trim monday near-miss --from 1200 --to 1500\n");
  CLI::App* exported = command->add_subcommand(
      "export", "A copy that has its pictures with it, to be sent to others; or a video of them");
  exported->callback(
      [act = copies(*exported, "New folder, or a video (.mp4, .mkv) of the pictures")] { act(true); });
  exported->footer(
      "Examples:\n"
      "  tarsier session export near-miss near-miss-bundle\n"
      "  tarsier session export near-miss near-miss.mp4\n");
  command->footer(
      "Examples:\n"
      "  tarsier session info monday\n"
      "  tarsier session trim monday near-miss --from 1200 --to 1500\n"
      "  tarsier session export near-miss near-miss-bundle\n"
      "  tarsier session export near-miss near-miss.mp4\n");
}

}  // namespace tarsier::app
