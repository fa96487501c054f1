// Gets the files of a network from its sources into the cache.
#pragma once

#include <functional>

#include "models/store.hpp"

namespace tarsier::models {

struct FetchProgress {
  std::string what;    // "centernet from npm @vladmandic/human@3.3.6"
  uint64_t bytes = 0;  // so far
  uint64_t total = 0;  // 0 where unknown (npm)
  double seconds = 0;  // since this source was started
};
using FetchCallback = std::function<void(const FetchProgress&)>;

struct FetchOptions {
  bool consent = false;    // the user has accepted the licence of an entry that needs it
  FetchCallback progress;  // about ten times a second; may be empty
};

/// What locate() finds, else fetched: the sources are tried in their order, every file is checked against its
/// SHA-256 and the whole set is moved into the cache in one step, so a failure or Ctrl-C leaves nothing
/// behind. Errors: kInput for a wrong SHA-256 (expected and got) and for an entry that needs consent;
/// kRuntime where no source can be reached, naming what was tried and what to do, and for a full disk.
Result<ModelFiles> fetch(const Entry& entry, const StoreOptions& options,
                         const FetchOptions& fetch_options = {});

}  // namespace tarsier::models
