// Digests of layers on disk, and which layer is named where two runs differ.
#include "record/session_layers.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "core/base64.hpp"
#include "core/file.hpp"
#include "support/input_error.hpp"
#include "support/temp_folder.hpp"

namespace tarsier::record {
namespace {

using pipeline::NetworkRun;
using Runs = std::vector<NetworkRun>;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

NetworkRun run(const std::string& network, std::vector<std::string> layers, uint64_t first) {
  NetworkRun made{network, std::make_shared<const std::vector<std::string>>(std::move(layers)), {}};
  for (size_t i = 0; i < made.layers->size(); ++i)
    made.digests.push_back({first + i, 0.5F + float(i), 2.0F + float(i)});
  return made;
}

TEST(Base64, IsThatOfTheRfc) {
  for (const auto& [plain, text] : {std::pair{"", ""}, std::pair{"f", "Zg=="}, std::pair{"fo", "Zm8="},
                                    std::pair{"foo", "Zm9v"}, std::pair{"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(base64(bytes_of(plain)), text);
    const auto back = from_base64(text);
    ASSERT_TRUE(back.ok());
    EXPECT_TRUE(std::ranges::equal(*back, bytes_of(plain)));
  }
  for (const char* wrong : {"Z", "Zg=", "Z g=", "Zm9v\n", "Zm9vYmF!"})
    test::expect_input_error(from_base64(wrong), "base64");
}

TEST(SessionLayersTest, ComeBackFrameByFrame) {
  const test::TempFolder folder;
  LayerLines lines;
  std::string text;
  const Runs first{run("detect", {"a", "b"}, 7), run("hands", {"x"}, 1), run("hands", {"x"}, 2)};
  const Runs swapped{run("detect", {"a", "c", "d"}, 70)};
  lines.append(text, 3, first);
  lines.append(text, 4, {});
  lines.append(text, 5, swapped);
  lines.append(text, 6, first);
  EXPECT_EQ(std::ranges::count(text, '\n'), 4 + 3) << "a network's layers are named once";
  const auto file = folder.write("layers.jsonl", text + "{\"id\":7,\"runs\":[[0,");
  SessionLayers layers(file);
  for (const Runs& wanted : {first, Runs{}, swapped, first}) {
    const auto frame = layers.next();
    ASSERT_TRUE(frame.ok()) << frame.error().message;
    ASSERT_TRUE(frame->has_value());
    ASSERT_EQ((*frame)->size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_EQ((**frame)[i].network, wanted[i].network);
      EXPECT_EQ(*(**frame)[i].layers, *wanted[i].layers);
      EXPECT_EQ((**frame)[i].digests, wanted[i].digests);
    }
  }
  const auto end = layers.next();
  ASSERT_TRUE(end.ok()) << "a line that was not written to its end is left out";
  EXPECT_FALSE(end->has_value());
  EXPECT_FALSE(SessionLayers(folder / "none").next()->has_value());
}

TEST(SessionLayersTest, ABadLineIsToldWithItsPlace) {
  const test::TempFolder folder;
  const std::string names = "{\"network\":\"detect\",\"layers\":[\"a\"]}\n";
  for (const auto& [line, why] :
       {std::pair{"{", "parse error"}, std::pair{"{\"id\":1}", "runs"},
        std::pair{"{\"runs\":[[1,\"\"]]}", "no such network"}, std::pair{"{\"runs\":[[0,\"?\"]]}", "base64"},
        std::pair{"{\"runs\":[[0,\"Zm9v\"]]}", "another number of layers"}}) {
    const auto file = folder.write("layers.jsonl", names + line + "\n");
    const auto frame = SessionLayers(file).next();
    test::expect_input_error(frame, why);
    test::expect_input_error(frame, "layers.jsonl:2: ");
  }
}

TEST(FirstLayerThatDiffers, IsTheEarliestThatBothHave) {
  const Runs was{run("a", {"1", "2", "3"}, 0), run("b", {"1"}, 9), run("b", {"1"}, 19)};
  EXPECT_FALSE(first_difference(was, was, 0));
  Runs is = was;
  is[2].digests[0].hash = 4;
  auto found = first_difference(was, is, 0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->network, "b");
  EXPECT_EQ(found->was.hash, 19U) << "the second execution";
  is[0].digests[1].hash = 4;
  found = first_difference(was, is, 0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->layer, "2");
  EXPECT_EQ(found->place, 1U);
  EXPECT_EQ(found->layers, 3U);
  EXPECT_FALSE(first_difference(was, is, 0.01)) << "another rounding";
  is[0].digests[2].mean *= 1.005F;
  EXPECT_FALSE(first_difference(was, is, 0.01));
  is[0].digests[2].mean *= 1.01F;
  EXPECT_EQ(first_difference(was, is, 0.01)->layer, "3");

  // Fused in another way there, and a network that did not run.
  const Runs fused{run("a", {"0", "1", "3"}, 100)};
  found = first_difference(was, fused, 0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->layer, "1");
  EXPECT_EQ(found->is.hash, 101U);
  EXPECT_FALSE(first_difference(was, Runs{run("c", {"1"}, 3)}, 0));
}

}  // namespace
}  // namespace tarsier::record
