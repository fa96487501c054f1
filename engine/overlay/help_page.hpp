// The page with all keys. Dear ImGui only; an ImGui frame must be open.
#pragma once

namespace tarsier::overlay {

/// Begins a window in the middle of the screen, which the caller ends. `open` goes false where its cross was
/// clicked. Whether the panels are to go back to where they belong.
bool begin_help_page(bool& open);

}  // namespace tarsier::overlay
