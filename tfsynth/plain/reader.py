"""The one reader of YAML: bounded in bytes, nodes and depth, by the rules of YAML 1.2.

YAML 1.1, which PyYAML reads, takes `no` for false, `010` for 8, `1:30` for 90 and `2024-01-01` for
a date, keeps the last of two equal keys, and lets a few lines of aliases stand for 10^9 nodes. The
core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema) has true and false, null and
numbers; all else is text here, `010` included, whose reading differs between the versions.
"""

import codecs
import re
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError

# A config has some 3 kB and 200 nodes; a label file of 500 classes has 50 kB and 5,000.
MOST_BYTES = 1_000_000
MOST_NODES = 40_000
MOST_LEVELS = 40

_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
# In this order: every whole number matches the pattern of numbers too.
_RULES = (("null", _NULL), ("bool", _BOOL), ("int", _INT), ("float", _FLOAT))
# Python converts no longer ones from text, since it takes time that grows with the square.
_MOST_DIGITS = 4000
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # Before UTF-16, with which it begins.
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class YamlError(ValueError):
    """A file or text that is no YAML, or beyond the bounds."""


def read_yaml_file(path: str | Path) -> Any:
    """Returns the plain data of a YAML (or JSON) file.

    Args:
        path: Path of a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.

    Raises:
        YamlError: See `read_yaml`; also if it is larger than `MOST_BYTES`, or no text.
        OSError: If it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        raise YamlError(f"{path} is a folder. Name a YAML file.")
    with open(path, "rb") as file:
        # Not by its size: a device or a pipe has none.
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise YamlError(
            f"{path} is larger than {MOST_BYTES:,} bytes, the most that is read of a YAML file. "
            "Name another one, or shorten it."
        )
    return read_yaml(_decoded(content, path), path)


def read_yaml(text: str, source: object = "The text") -> Any:
    """Returns the plain data of a YAML text: dicts, lists, texts, numbers, booleans, `None`.

    Args:
        text: A string.
        source: What it is called in messages: a path.

    Raises:
        YamlError: If it is no YAML, holds more than one document, `MOST_NODES` nodes (aliases
            expanded) or `MOST_LEVELS` levels, an alias of itself, a key twice, or a tag. The
            message names the source and the line.
    """
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, {})
        return _plain(node)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1},"
        raise YamlError(f"{source}{line} {_problem(error)}") from None
    except yaml.reader.ReaderError as error:
        raise YamlError(
            f"{source} holds the character {chr(error.character)!r}, which no YAML text does. Is "
            "it another kind of file? Write `key: value` lines."
        ) from None
    finally:
        if loader is not None:
            loader.dispose()


def write_yaml(data, **options):
    """Returns plain data as YAML from which `read_yaml` gives the same.

    Args:
        data: Dicts, lists, texts, finite numbers, booleans, `None`.
        **options: Those of `yaml.dump`.
    """
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **options)


class _Loader(yaml.SafeLoader):
    """Composes nodes; stops at too many, and at too many levels."""

    yaml_implicit_resolvers: dict = {}

    def __init__(self, text):
        self._nodes, self._levels = 0, 0
        super().__init__(text)

    def compose_node(self, parent, index):
        self._nodes += 1
        self._levels += 1
        mark = self.peek_event().start_mark
        if self._levels > MOST_LEVELS:
            raise _refused(mark, f"more than {MOST_LEVELS} levels, one in the other")
        if self._nodes > MOST_NODES:
            raise _refused(mark, f"more than {MOST_NODES:,} keys and values")
        try:
            return super().compose_node(parent, index)
        finally:
            self._levels -= 1

    def resolve(self, kind, value, implicit):
        if kind is not yaml.ScalarNode or not implicit[0]:
            return super().resolve(kind, value, implicit)
        return _TAG + next((name for name, rule in _RULES if rule.fullmatch(value)), "str")


class _Dumper(yaml.SafeDumper):
    """Writes text in quotes that this reader, or one of YAML 1.1, would take for something else."""

    def ignore_aliases(self, data):
        return True

    def represent_float(self, data):
        # YAML 1.1 takes 1e-08 for text, and 1.0e-08 for a number.
        text = repr(data)
        text = text if "." in text else text.replace("e", ".0e")
        return self.represent_scalar(f"{_TAG}float", text)

    def represent_text(self, data):
        # In other styles PyYAML writes these line ends as they are, and reads them as blanks.
        style = '"' if re.search("[\r\x85\u2028\u2029]", data) else None
        return self.represent_scalar(f"{_TAG}str", data, style)


for _name, _rule in _RULES[:-1]:
    _Dumper.add_implicit_resolver(_TAG + _name, re.compile(f"(?:{_rule.pattern})$"), None)
_Dumper.add_implicit_resolver(f"{_TAG}float", re.compile(f"(?:{_FLOAT.pattern})$"), None)
_Dumper.add_representer(float, _Dumper.represent_float)
_Dumper.add_representer(str, _Dumper.represent_text)


def _decoded(content, path):
    encoding = next((e for mark, e in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in content:
        raise YamlError(
            f"{path} holds zero bytes: it is no text file, or one in UTF-16 without a byte order "
            "mark. Save it in UTF-8."
        )
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlError(
            f"{path}, line {line}: the byte 0x{content[error.start]:02x} is not "
            f"{encoding.removesuffix('-sig').upper()}. It is no text file, or one in another "
            "encoding, such as Latin-1. Save it in UTF-8."
        ) from None


def _count(node, known):
    """Returns numbers of nodes and levels of a node, aliases expanded; refuses too many."""
    if isinstance(node, yaml.ScalarNode):
        return 1, 1
    if id(node) in known:
        if known[id(node)] is None:
            raise _refused(node.start_mark, "a part that holds itself, through an alias")
        return known[id(node)]
    known[id(node)] = None
    parts = node.value
    if isinstance(node, yaml.MappingNode):
        parts = [part for pair in node.value for part in pair]
    counts = [_count(part, known) for part in parts]
    total = 1 + sum(nodes for nodes, _ in counts)
    levels = 1 + max((levels for _, levels in counts), default=0)
    if total > MOST_NODES or levels > MOST_LEVELS:
        raise _refused(
            node.start_mark,
            f"aliases that stand for more than {MOST_NODES:,} keys and values or {MOST_LEVELS} "
            "levels",
        )
    known[id(node)] = total, levels
    return known[id(node)]


def _plain(node):
    kind = node.tag.removeprefix(_TAG)
    if isinstance(node, yaml.SequenceNode) and kind == "seq":
        return [_plain(item) for item in node.value]
    if isinstance(node, yaml.MappingNode) and kind == "map":
        return _mapping(node)
    if isinstance(node, yaml.ScalarNode) and kind in ("null", "bool", "int", "float", "str"):
        return _scalar(node, kind)
    tag = node.tag.replace(_TAG, "!!")
    raise _refused(node.start_mark, f"the tag `{tag}`: tags are not read here")


def _mapping(node):
    found, merged = {}, {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _refused(key_node.start_mark, "a key that is a list or mapping")
        key, value = _plain(key_node), _plain(value_node)
        if key == "<<" and key_node.style is None:
            # Of YAML 1.1: the keys of another mapping, or of several, the first before the next.
            for other in value if isinstance(value, list) else [value]:
                if not isinstance(other, dict):
                    raise _refused(value_node.start_mark, "`<<` before what is no mapping")
                merged = {**other, **merged}
        elif key in found:
            raise _refused(key_node.start_mark, f"the key `{key}` a second time. Keep one of them")
        else:
            found[key] = value
    return {**merged, **found}


def _scalar(node, kind):
    text = node.value
    if kind == "str":
        if "\0" in text or re.search("[\ud800-\udfff]", text):
            raise _refused(node.start_mark, "a text with a zero byte or half a character")
        return text
    if not dict(_RULES)[kind].fullmatch(text):  # `!!int "text"`.
        raise _refused(node.start_mark, f"the tag `!!{kind}` before {text[:40]!r}")
    if kind == "null":
        return None
    if kind == "bool":
        return text[0] in "tT"
    if len(text) > _MOST_DIGITS:
        raise _refused(node.start_mark, f"a number of {len(text):,} digits")
    if kind == "float":
        # Python writes `.inf` and `.nan` without the dot.
        return float(text.replace(".", "") if text[-1:].isalpha() else text)
    return int(text, 0)


_HOLDS = "holds"


def _refused(mark, what):
    what = what if len(what) < 120 else f"{what[:100]}..."
    return yaml.MarkedYAMLError(problem=f"{_HOLDS} {what}", problem_mark=mark)


def _problem(error):
    problem = error.problem or error.context or "nothing that can be read"
    if problem.startswith(_HOLDS):
        return f"{problem}."
    if "'\\t'" in problem:
        return "holds a tab, where YAML takes blanks only. Indent with blanks."
    if isinstance(error, ComposerError) and "document" in (error.context or ""):
        return "begins a second document. Keep one of them."
    context = f"{error.context}, " if error.context else ""
    return (
        f"is not readable YAML: {context}{problem}. Write `key: value` lines, and text with `: `, "
        "`#` or `@` in quotes."
    )
