"""The parts of docs/BENCHMARKS.md that tools write."""

import os


def rewrite(file, name, section):
    """Puts the section between its markers, which are appended where the file has none yet."""
    begin, end = f"<!-- {name}: written by tools/{name} -->", f"<!-- /{name} -->"
    text = file.read_text() if file.exists() else "# Benchmarks\n"
    block = f"{begin}\n{section.strip()}\n{end}"
    if begin in text and end in text:
        text = text[:text.index(begin)] + block + text[text.index(end) + len(end):]
    else:
        text = text.rstrip("\n") + "\n\n" + block + "\n"
    part = file.with_name(file.name + ".part")
    part.write_text(text)
    os.replace(part, file)
