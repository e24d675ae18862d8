"""Which code a number comes from: a hash of the modules that decide it.

Not the commit: most commits change nothing that a run depends on, and its result stays good. Nor a
number that is raised by hand, which is forgotten. Modules are found by their imports, from those of
the classes that a config names: a new loss changes no result of a run without it. Comments,
docstrings and layout do not count; the versions of Keras and its backends do not either, for the
same seed gives other numbers on another machine too.
"""

import ast
import functools
import hashlib
import io
import tokenize
from pathlib import Path

from tfsynth import registry

PACKAGE = Path(__file__).parents[1]
# What every run goes through, beside the classes of its config; what draws its pictures, and what
# scores them.
_TRAINING = ("tfsynth.runs.training", "tfsynth.runs.phases", "tfsynth.synthesis.styles")
# And where the game has a feature network, which is trained first.
_FEATURES = ("tfsynth.runs.feature_network", "tfsynth.metrics.feature_training")
_MEASURING = (
    "tfsynth.synthesis.synthesizer",
    "tfsynth.synthesis.painting",
    "tfsynth.runs.evaluation",
    "tfsynth.runs.judges",
    "tfsynth.runs.feature_scores",
    "tfsynth.runs.seed_scores",
    "tfsynth.reproduction.measurement",
)
# Parts that are not entered by imports. Some say, read, write and check, and decide no number; of
# others each module that decides one is named above, or is that of a class in the config.
_CLOSED = {
    *("config", "exporters", "files", "hints", "models", "plain", "registry", "runs", "sheets")
}
_CLOSED_IN_MEASURING = _CLOSED | {"games", "losses", "networks", "synthesis", "trainers"}
# Keys of a config that decide scores, and nothing of the model.
_SCORING = ("evaluation", "second_evaluation")

# What can have a docstring.
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def training_hash(config):
    """Returns eight hexadecimal digits that change with the code that trains a config.

    Args:
        config: A `Config`.
    """
    tree = {key: node for key, node in config.to_dict().items() if key not in _SCORING}
    features = config.game.get("features") is not None
    modules = (*modules_of(tree), *_TRAINING, *(_FEATURES if features else ()))
    return code_hash(modules, _CLOSED if features else _CLOSED | {"metrics"})


def measuring_hash(config, measure):
    """Returns eight hexadecimal digits that change with the code that measures a trained model.

    Args:
        config: The model's `Config`.
        measure: A `Measure`.
    """
    function = measure.measure
    while isinstance(function, functools.partial):
        function = function.func
    tree = config.to_dict()
    modules = modules_of([tree["data"], *(tree.get(key) for key in _SCORING)])
    return code_hash((*modules, function.__module__, *_MEASURING), _CLOSED_IN_MEASURING)


def modules_of(node):
    """Returns the modules of this package that have the classes in plain data."""
    modules = {registry.resolve(name).__module__ for name in _classes(node)}
    return sorted(name for name in modules if name.startswith("tfsynth."))


def code_hash(modules, closed=()):
    """Returns eight hexadecimal digits of modules and all that they import of this package.

    Args:
        modules: Names of modules.
        closed: Names of parts that are not entered by imports.
    """
    digest = hashlib.sha256()
    for name in sorted(reached(modules, closed)):
        digest.update(f"{name}\n{_normalised(name)}\n".encode())
    return digest.hexdigest()[:8]


def reached(modules, closed=()):
    """Returns the names of modules and of all that they import of this package, in turn."""
    found, waiting = set(), list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(i for i in _imports(name) if i.split(".")[1] not in closed)
    return found


def _classes(node):
    """Yields the names of the classes in plain data."""
    if isinstance(node, dict):
        if isinstance(node.get("class"), str):
            yield node["class"]
        node = list(node.values())
    if isinstance(node, list | tuple):
        for item in node:
            yield from _classes(item)


@functools.cache
def _tree(name):
    return ast.parse(_source(name))


def _source(name):
    path = _file(name)
    if path is None:
        raise ValueError(f"There is no module {name} in {PACKAGE}.")
    return path.read_text(encoding="utf-8")


@functools.cache
def _normalised(name):
    """Returns the source of a module without docstrings, comments and empty lines.

    As text: what a syntax tree is written as differs between versions of Python.
    """
    source = _source(name)
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(_tree(name)):
        if not isinstance(node, _DOCUMENTED) or ast.get_docstring(node, clean=False) is None:
            continue
        first = node.body[0].lineno
        last = node.body[0].end_lineno or first
        lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())


@functools.cache
def _imports(name):
    """Returns the modules of this package that a module imports, also within functions.

    Of a package that only passes names on, those that the names used come from.
    """
    found, packages = set(), {}
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if _file(alias.name)}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfsynth"):
            for alias in node.names:
                home = _home(node.module, alias.name)
                if _is_package(home):
                    packages[alias.asname or alias.name] = home
                else:
                    found.add(home)
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in packages:
                found.add(_home(packages[node.value.id], node.attr))
    # Lists of all measures: each is begun from by its name.
    return {f for f in found if f.count(".") and f != "tfsynth.reproduction.measures"}


def _home(module, name):
    """Returns the module that a name comes from, through those that only pass it on."""
    if _file(f"{module}.{name}") is not None:
        return f"{module}.{name}"
    if _is_package(module):
        for node in _tree(module).body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return _home(node.module, alias.name)
    return module


def _is_package(module):
    path = _file(module)
    return path is not None and path.name == "__init__.py"


@functools.cache
def _file(name):
    """Returns the file of a module of this package; `None` if there is none."""
    if name.split(".")[0] != "tfsynth":
        return None
    path = PACKAGE.joinpath(*name.split(".")[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None
