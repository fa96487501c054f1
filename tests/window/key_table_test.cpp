// Keys are told in one table: the README's list is made from it.
#include "overlay/key_table.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>

#include "core/file.hpp"

namespace tarsier::overlay {
namespace {

/// As the README has it, a row a key.
std::string readme_rows() {
  std::string out = "| | key | what it does |\n|---|---|---|\n";
  std::string_view group;
  for (const auto& row : key_table()) {
    const bool first = std::exchange(group, row.group) != row.group;
    out += fmt::format("| {} | `{}` | {} |\n", first ? row.group : "", row.keys, row.does);
  }
  return out;
}

TEST(KeyTable, TheReadmeTellsTheSame) {
  const std::filesystem::path file = std::filesystem::path(TARSIER_SOURCE_DIR) / "README.md";
  auto text = read_text(file);
  ASSERT_TRUE(text.ok());
  const std::string head = "### Keys\n\n";
  const size_t begin = text->find(head), from = begin + head.size(), end = text->find("\n\n", from);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  if (std::getenv("TARSIER_UPDATE_DOCS") != nullptr) {
    text->replace(from, end + 1 - from, readme_rows());
    ASSERT_TRUE(write_text_atomic(file, *text).ok());
    return;
  }
  EXPECT_EQ(text->substr(from, end + 1 - from), readme_rows())
      << "README.md is stale: run this test with TARSIER_UPDATE_DOCS=1";
}

TEST(KeyTable, NoKeyIsThereTwice) {
  std::set<std::string> keys;
  for (const auto& row : key_table()) EXPECT_TRUE(keys.insert(row.keys).second) << row.keys;
  EXPECT_EQ(with_key("slower", Key::kSlower), "slower (-)");
}

}  // namespace
}  // namespace tarsier::overlay
