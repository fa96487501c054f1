// Indexes and whatever else a test keeps in the user's cache go to a folder of the test's own.
#pragma once

#include "support/own_folder.hpp"

namespace tarsier::test {

struct OwnCache : OwnFolder {
  OwnCache() : OwnFolder("XDG_CACHE_HOME") {}
};

}  // namespace tarsier::test
