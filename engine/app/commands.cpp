#include "app/commands.hpp"

namespace tarsier::app {

void register_commands(CLI::App& app, GlobalOptions& globals, Action& action) {
  register_run_command(app, globals, action);
  register_replay_command(app, globals, action);
  register_verify_command(app, globals, action);
  register_session_command(app, globals, action);
  register_params_command(app, globals, action);
  register_models_command(app, globals, action);
  register_devices_command(app, globals, action);
  register_infer_command(app, globals, action);
  register_inspect_command(app, globals, action);
  register_bench_command(app, globals, action);
  register_check_command(app, globals, action);
  register_onnx_test_command(app, globals, action);
}

}  // namespace tarsier::app
