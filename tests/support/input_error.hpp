// What every error about a file is: one line for the user to act on.
#pragma once

#include <gtest/gtest.h>
#include <string_view>

#include "core/result.hpp"

namespace tarsier::test {

inline void expect_input_error(const Error& error, std::string_view part) {
  EXPECT_EQ(error.kind, ErrorKind::kInput) << error.message;
  EXPECT_EQ(error.message.find('\n'), std::string::npos) << error.message;
  EXPECT_NE(error.message.find(part), std::string::npos) << error.message;
}

template <class T>
void expect_input_error(const Result<T>& result, std::string_view part) {
  ASSERT_FALSE(result.ok()) << "expected: " << part;
  expect_input_error(result.error(), part);
}

}  // namespace tarsier::test
