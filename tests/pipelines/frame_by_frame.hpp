// Runs an application's frames one by one, as the loops do.
#pragma once

#include "app/application.hpp"

namespace tarsier::test {

/// Takes the next frame, records and submits it. Errors: no frame came, a writer's.
inline Result<capture::Frame> submit_frame(app::Application& app) {
  const auto letter = app.mailbox->take();
  if (letter.state != capture::Mailbox::State::kFrame) return runtime_error("no frame came");
  TARSIER_CHECK(app.fit_ring(letter.frame));
  TARSIER_TRY(auto* context, app.ring->begin());
  TARSIER_CHECK(app.loop->record(*context, letter.frame));
  TARSIER_CHECK(app.ring->submit(*context));
  TARSIER_CHECK(app.loop->take_error());
  return letter.frame;
}

/// The same, and waits until it is done.
inline Result<capture::Frame> finish_frame(app::Application& app) {
  auto frame = submit_frame(app);
  app.ring->drain();
  return frame;
}

}  // namespace tarsier::test
