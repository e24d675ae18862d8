"""Hostile YAML: configs and label files."""

import copy

import yaml

from tests import tiny
from tests.faults.hostile import OUTSIDE, SHELL, Hostile
from tests.faults.specimens import GOLDENS


def _config(**changes):
    tree = copy.deepcopy(tiny.tree("data"))
    for key, value in changes.items():
        node, *path = tree, *key.split("__")
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] = value
    return yaml.safe_dump(tree, sort_keys=False)


def laughs(levels=9, width=9):
    """Returns aliases of aliases: width ** levels nodes in some lines."""
    lines = [f"a0: &a0 [{', '.join(['x'] * width)}]"]
    for i in range(1, levels + 1):
        lines.append(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]")
    return "\n".join(lines) + "\n"


LAUGHS = laughs()
MERGES = "m0: &m0 {a: 1}\n" + "".join(
    f"m{i}: &m{i}\n  <<: [{', '.join([f'*m{i - 1}'] * 9)}]\n  b{i}: 1\n" for i in range(1, 9)
)
TAKEN = "init_except:\n- &a0 [x, x, x]\n" + "".join(
    f"- &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)
LOSS = {"class": "keras.layers.StringLookup", "vocabulary": "/etc/passwd"}
TEXTS = {
    "9**9 aliases": LAUGHS,
    "9**9 aliases in a config": _config() + LAUGHS,
    "9**9 aliases as name": LAUGHS + _config().replace("name: tiny", "name: *a9"),
    "9**9 aliases where a list is taken": _config() + TAKEN,
    "an alias of itself where a list is taken": _config() + "init_except: &a [*a]\n",
    "9**8 merges": _config() + MERGES,
    "an alias of itself": "name: &a [*a]\n",
    "an alias of itself in a config": _config().replace("terms:\n", "terms: &a\n  - *a\n"),
    "a mapping of itself": "&a\nname: *a\n",
    "python/object/apply": f"name: !!python/object/apply:os.system ['{SHELL}']\n",
    "python/name": "name: !!python/name:os.system\n",
    "python/module": "name: !!python/module:antigravity\n",
    "50 MB of a list": "name: [" + "x, " * (50 * 2**20 // 3) + "]\n",
    "50 MB of a text": "name: " + "x" * (50 << 20) + "\n",
    "lists 100,000 deep": "name: " + "[" * 100_000 + "\n",
    "mappings 5,000 deep": "name:\n" + "".join(f"{' ' * i}a:\n" for i in range(1, 5000)),
    "a number of a million digits": _config().replace("seed", "sead") + "seed: " + "9" * 10**6,
    "os.system as class": _config(game__generator={"class": "os.system", "command": SHELL}),
    "a Lambda as class": _config(game__generator={"class": "keras.layers.Lambda", "function": "x"}),
    "a StringLookup as a term": _config(game__terms=[LOSS]),
    "a StringLookup as the loss": _config(game__adversarial_loss=LOSS),
    "get_file as class": _config(
        game__adversarial_loss={"class": "keras.utils.get_file", "origin": "file:///etc/passwd"}
    ),
    "a million filters": _config(game__generator__filters=10**6),
    "a million blocks": _config(game__generator__num_blocks=10**6),
    "NUL": _config() + "\0",
    "binary as name": "name: !!binary R0lGODlhDAAMAIQ=\n",
}
# These are given to `train`, which would write.
WRITING = {
    "an absolute path as name": _config(name=str(OUTSIDE)),
    "a path above as name": _config(name="../../above"),
    "a home as name": _config(name="~/evil"),
    "NUL in the name": _config().replace("name: tiny", 'name: "ti\\0ny"'),
    "NaN minutes": _config(train__minutes=float("nan")),
    "endless minutes": _config(train__minutes=float("inf")),
    "NaN as learning rate": _config(optimizers__generator__learning_rate=float("nan")),
    "10**9 streets": _config(data__dataset__train=10**9),
    "streets of 10**6 pixels": _config(data__dataset__height=10**6, data__dataset__width=10**6),
    "a batch of 10**9": _config(train__batch_size=10**9),
    "init_from of a device": _config(init_from="/dev/zero"),
}
LABELS = {
    "9**9 aliases": LAUGHS,
    "9**9 aliases as classes": LAUGHS + "classes: *a9\n",
    "an alias of itself": "classes: &a [*a]\n",
    "python/object/apply": f"classes: !!python/object/apply:os.system ['{SHELL}']\n",
    "lists 100,000 deep": "classes: " + "[" * 100_000,
    "a million classes": "classes:\n"
    + "".join(f"- {{name: c{i}, colour: [0, 0, 0]}}\n" for i in range(200_000)),
    "ids of 10**18": "classes:\n- {name: a, colour: [0, 0, 0], id: 1000000000000000000}\n",
}


def texts():
    """Yields each `Hostile` YAML."""
    for kind, all_of, words in (
        ("config", TEXTS, ("describe", "evil.yaml")),
        ("config", WRITING, ("train", "evil.yaml")),
        (
            *("labels", LABELS),
            ("import", "pix2pixhd", str(GOLDENS / "torch_G.pth"), "--labels", "evil.yaml")
            + ("-o", "imported"),
        ),
    ):
        for name, text in all_of.items():
            yield Hostile(
                f"{kind}: {name}",
                "evil.yaml",
                lambda path, t=text: path.write_text(t, encoding="utf-8"),
                words,
            )
