"""What a config needs that no package installs: folders of data and files of fixed networks."""

import re

# Keys that name a file or folder of the user's.
_KEYS = ("features", "segmenter", "root")
# A line of a config's first comment that begins a note: "#   Data:     367 pictures".
_NOTE = re.compile(r"#   (\w+):\s+(.*)")
# One that begins a paragraph; what goes on with a note stands further right.
_PARAGRAPH = re.compile(r"#   \S.*")


def outside_paths(tree):
    """Returns the paths that a config names, in its order, each once.

    Args:
        tree: A config, or a part of it, as plain data.
    """
    found = []
    if isinstance(tree, dict):
        for key, value in tree.items():
            named = key.rpartition(".")[2] in _KEYS and isinstance(value, str)
            found += [value] if named else outside_paths(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            found += outside_paths(value)
    return list(dict.fromkeys(found))


def notes(text):
    """Returns the notes in the first comment of a config: `{"Data": "367 train, ..."}`.

    Args:
        text: The YAML file's text.
    """
    found, last = {}, None
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if note := _NOTE.fullmatch(line):
            last = note[1]
            found[last] = note[2]
        elif _PARAGRAPH.fullmatch(line):
            last = None
        elif last is not None:
            found[last] += f" {line.removeprefix('#').strip()}"
    return found
