"""YAML as it is read and written: within bounds, by the rules of YAML 1.2."""

import random
import subprocess
import sys
import time

import pytest
import yaml

from tfsynth.config import ConfigError, load_config
from tfsynth.plain import YamlError, read_yaml, read_yaml_file, write_yaml


@pytest.mark.parametrize("text", ["no", "Yes", "on", "off", "y", "010", "1:30", "1_000", "08"])
def test_what_only_yaml_1_1_takes_for_a_number_or_boolean_is_text(text):
    assert read_yaml(f"[{text}, 2024-01-01]") == [text, "2024-01-01"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("2e-4", 2e-4), ("1E5", 1e5), ("-.5e+3", -500.0), ("+12", 12), ("0x1f", 31), ("1.", 1.0)),
        *(("0o17", 15), ("true", True), ("FALSE", False), ("~", None), ("", None), (".inf", 1e999)),
        *(("'2e-4'", "2e-4"), ('"true"', "true"), ("1.5e", "1.5e"), ("tRue", "tRue")),
    ],
)
def test_the_core_schema(text, value):
    found = read_yaml(f"key: {text}")["key"]
    assert found == value and type(found) is type(value)


def test_the_keys_of_another_mapping_are_taken_over():
    text = "a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a}\nc: {<<: [{x: 5}, *a]}\nd: {'<<': 1}"
    found = read_yaml(text)
    assert found["b"] == {"x": 1, "y": 3}
    assert found["c"] == {"x": 5, "y": 2}
    assert found["d"] == {"<<": 1}


LAUGHS = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
)
CHAIN = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 100))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "line 5, holds aliases that stand for more than 40,000 keys and values"),
        (CHAIN, "aliases that stand for more than 40,000 keys and values or 40 levels"),
        ("a: &a [*a]", "line 1, holds a part that holds itself, through an alias"),
        ("&a {b: {c: *a}}", "holds itself"),
        ("a: *b", "undefined alias 'b'"),
        ("[" * 100_000, "holds more than 40 levels"),
        ("{a: " * 1000, "holds more than 40 levels"),
        ("- 1\n" * 50_000, "line 40000, holds more than 40,000 keys and values"),
        ("a: 1\nb: 2\na: 3", "line 3, holds the key `a` a second time"),
        ("a: {1: x, 0x1: y}", "the key `1` a second time"),
        ("a: !!python/object/apply:os.system [true]", "holds the tag `!!python/object/apply:os.sy"),
        ("a: !mine 1", "holds the tag `!mine`"),
        ("a: !!int x", "holds the tag `!!int` before 'x'"),
        ("? [a]\n: 1", "holds a key that is a list or mapping"),
        ("{<<: 1}", "`<<` before what is no mapping"),
        ("a: 1\n---\nb: 1", "line 2, begins a second document"),
        ("a:\n\tb: 1", "line 2, holds a tab"),
        ("a: \x01", "holds the character '.x01'"),
        ('a: "x\\0"', "holds a text with a zero byte"),
        ("a: " + "1" * 5000, "holds a number of 5,000 digits"),
        ("a: [1", "line 1, is not readable YAML: while parsing a flow sequence"),
        ("a: @x", "cannot start any token. Write `key: value` lines, and text with"),
    ],
)
def test_what_is_refused_names_line_and_rule(text, message):
    start = time.monotonic()
    with pytest.raises(YamlError, match=message) as caught:
        read_yaml(text)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 10


TEXT = "name: Straße\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_a_file_names_itself_are_read(tmp_path, encoding):
    path = tmp_path / "file.yaml"
    path.write_bytes(TEXT.encode(encoding))
    assert read_yaml_file(path) == {"name": "Straße"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"# x\n{TEXT}".encode("latin-1"), "line 2: the byte 0xdf is not UTF-8. .* Latin-1"),
        (TEXT.encode("utf-16-le"), "holds zero bytes: .* UTF-16 without a byte order mark"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "holds zero bytes: it is no text file"),
        (b"\xff\xd8\xff\xe1", "the byte 0xff is not UTF-8. It is no text file"),
        (b"\xff\xfea", "is not UTF-16"),
        (b"#" * 1_000_001, "larger than 1,000,000 bytes"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / "file.yaml"
    path.write_bytes(content)
    with pytest.raises(YamlError, match=message) as caught:
        read_yaml_file(path)
    assert str(path) in str(caught.value)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_a_folder_is_refused_by_name(tmp_path):
    with pytest.raises(YamlError, match=f"{tmp_path} is a folder"):
        read_yaml_file(tmp_path)
    (tmp_path / "config.yaml").write_text("a: 1")
    with pytest.raises(ConfigError, match=f"folder of a run. Name its config: {tmp_path}/config"):
        load_config(tmp_path)


def test_an_empty_file_is_no_config(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text("# nothing\n")
    assert read_yaml_file(path) is None
    with pytest.raises(ConfigError, match="must hold a mapping"):
        load_config(path)


def _draw(numbers, depth=0):
    """Returns plain data at random."""
    kind = numbers.randrange(8 if depth < 4 else 5)
    letters = "aé \n\t:#-'\"\\,[]{}&*!|>%@`0123456789.eE+_~noyesT\u2028\x85\ufeff😀\x7f"
    if kind < 2:
        return "".join(numbers.choices(letters, k=numbers.randrange(8)))
    if kind == 2:
        return numbers.choice([0, -7, 10**9, 2**40, 1e-5, 1e22, 0.1, -2.5e-300, 3.0])
    if kind == 3:
        return numbers.choice([None, True, False])
    if kind == 4:
        words = "no 010 1:30 1_000 2e-4 .inf null ~ true 2024-01-01 0x1f 0o7 = << - ? 1e5 1. .5 +1"
        return numbers.choice([*words.split(), "", " ", "-", "a\n", "\n", "0b1", "190:20:30.15"])
    if kind == 5:
        return [_draw(numbers, depth + 1) for _ in range(numbers.randrange(4))]
    return {str(_draw(numbers, 9)): _draw(numbers, depth + 1) for _ in range(numbers.randrange(4))}


def test_what_is_written_is_read_the_same():
    numbers = random.Random(0)
    for _ in range(2000):
        data = _draw(numbers)
        text = write_yaml(data)
        assert read_yaml(text) == data, text
        assert read_yaml(write_yaml([data, data], default_flow_style=None)) == [data, data]


def test_what_is_written_is_text_for_readers_of_yaml_1_1_too():
    data = ["no", "010", "1:30", "1_000", "2e-4", "2024-01-01", "<<", "=", "y"]
    assert yaml.safe_load(write_yaml(data)) == data


def test_the_program_answers_in_one_sentence(tmp_path):
    path = tmp_path / "laughs.yaml"
    path.write_text(LAUGHS)
    words = [sys.executable, "-m", "tfsynth", "train", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"tfsynth: error: {path}, line 5, holds aliases that stand for")
    assert done.stderr.count("\n") == 1
