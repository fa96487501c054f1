#pragma once

#include "check/operator_case.hpp"

namespace tarsier::test {

/// Rows of the size that real networks have: timed, not compared.
std::vector<check::OperatorCase> speed_cases();

}  // namespace tarsier::test
