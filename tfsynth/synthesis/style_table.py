"""The table of styles of each class, which styles are drawn from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Of a class. Drawing multiplies their number with one below 46,337 in int32.
MOST_STYLES = 46_340
# The table of which styles go with which photograph stays small.
MOST_PHOTOGRAPHS = 1024


class StyleTable:
    """The styles of each class, with the number of instances of each.

    Args:
        centres: `{class id: (styles, features) float}`. Classes without styles are left out.
        counts: `{class id: (styles,) integers}`, the instances behind each style; 0 where
            that is not known.
        names: `{class id: name}` of the classes that have styles, by which a model of other
            classes refuses the table; `None` if they are not known.
        photographs: `{class id: (styles,) integers}`, the number of the photograph that each style
            is from, 0 or more, so that those of a picture can be drawn together; `None` if each
            object draws by itself.

    Raises:
        ValueError: If they do not fit each other, the numbers of features differ, or a class id,
            centre or count cannot be one.

    Example:

    >>> table = StyleTable({1: [[0.5, -0.5]]}, {1: [7]})
    >>> table.centres[1].tolist(), table.num_features
    ([[0.5, -0.5]], 2)
    """

    def __init__(
        self,
        centres: Mapping[int, Any],
        counts: Mapping[int, Any],
        names: Mapping[int, str] | None = None,
        photographs: Mapping[int, Any] | None = None,
    ) -> None:
        for class_id in (*centres, *counts, *(names or ())):
            if not isinstance(class_id, (int, np.integer)) or class_id < 0:
                raise ValueError(
                    f"The classes of a style table are ids 0, 1, ... It has {class_id!r}."
                )
        # Copies: later changes of the caller's arrays do not change the table.
        self.centres = {
            int(c): finite_numbers(v, f"the centres of class {c}") for c, v in centres.items()
        }
        self.counts = {int(c): _counts(v, c) for c, v in counts.items()}
        widths = {v.shape[1] for v in self.centres.values() if v.ndim == 2}
        shapes = {c: v.shape[:1] for c, v in self.centres.items() if v.ndim == 2 and len(v)}
        if len(widths) != 1 or shapes != {c: v.shape for c, v in self.counts.items()}:
            raise ValueError(
                "A style table has, per class, centres (styles, features) and as many counts, with "
                f"one number of features. Received: {_shapes(self.centres)} and "
                f"{_shapes(self.counts)}."
            )
        (self.num_features,) = widths
        if most := [c for c, v in self.centres.items() if len(v) > MOST_STYLES]:
            raise ValueError(
                f"A class has at most {MOST_STYLES} styles, which is as far as a seed draws. Class "
                f"{most[0]} has {len(self.centres[most[0]])}: cluster them."
            )
        self.names = None if names is None else {int(c): str(name) for c, name in names.items()}
        if self.names is not None and self.names.keys() != self.centres.keys():
            raise ValueError(
                f"A style table names the classes that have styles, {sorted(self.centres)}, or "
                f"none. Received: {sorted(self.names)}."
            )

        self.photographs = None if photographs is None else self._checked(photographs)

    def _checked(self, photographs: Mapping[int, Any]) -> dict[int, np.ndarray]:
        found = {int(c): _counts(v, c) for c, v in photographs.items()}
        numbered = {c: v.shape for c, v in found.items()}
        if numbered != {c: v.shape[:1] for c, v in self.centres.items()}:
            raise ValueError(
                "A style table with photographs has the number of one for each style. Received: "
                f"{_shapes(self.centres)} and {numbered}."
            )
        if most := [c for c, v in found.items() if v.max() >= MOST_PHOTOGRAPHS]:
            raise ValueError(
                f"Photographs of a style table have numbers below {MOST_PHOTOGRAPHS}. Class "
                f"{most[0]} has {found[most[0]].max()}."
            )
        return found

    def check_fits(self, num_features: int, class_names: Sequence[str] | None) -> None:
        """Raises unless a model can use the table.

        Args:
            num_features: What its encoder gives an object; 0 if it has none.
            class_names: Names of its classes by id; `None` if it has no classes: all objects are
                of class 0 then.

        Raises:
            ValueError: The table has other features or other classes.
        """
        if self.num_features != num_features:
            raise ValueError(
                f"The styles have {self.num_features} features, the encoder {num_features}; they "
                "must be of this encoder."
            )
        known = 1 if class_names is None else len(class_names)
        beyond = [c for c in sorted(self.centres) if c >= known]
        if beyond:
            raise ValueError(
                f"The styles are of another label set: they have class {beyond[0]}, the model's "
                f"classes are 0..{known - 1}. Collect styles of the model's own classes."
            )
        for class_id, name in sorted((self.names or {}).items()):
            if class_names is not None and class_names[class_id] != name:
                raise ValueError(
                    f"The styles are of another label set: class {class_id} is {name!r} there and "
                    f"{class_names[class_id]!r} in the model. Collect styles of the model's own "
                    "classes."
                )

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON types; `from_dict` reads them."""
        names, photographs = self.names or {}, self.photographs or {}
        return {
            str(c): {
                "centres": self.centres[c].tolist(),
                "counts": self.counts[c].tolist(),
                **({"name": names[c]} if names else {}),
                **({"photographs": photographs[c].tolist()} if photographs else {}),
            }
            for c in sorted(self.centres)
        }

    @classmethod
    def from_dict(
        cls, node: Mapping[str, Any], class_names: Sequence[str] | None = None
    ) -> "StyleTable":
        """Builds the table of `to_dict`'s result.

        Args:
            node: The dict.
            class_names: Names of the classes by id, for a table that was stored without them.

        Raises:
            ValueError: It is not such a dict.
        """
        try:
            entries = {int(c): dict(entry) for c, entry in node.items()}
            centres = {c: entry["centres"] for c, entry in entries.items()}
            counts = {c: entry["counts"] for c, entry in entries.items()}
            joint = all("photographs" in entry for entry in entries.values())
            photographs = (
                {c: entry["photographs"] for c, entry in entries.items()} if joint else None
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                "A stored style table is a dict of class id -> {'centres': ..., 'counts': ...}. "
                f"Not so here: {error!r}."
            ) from None
        known = dict(enumerate(class_names or ()))
        names = {c: entry.get("name", known.get(c)) for c, entry in entries.items()}
        return cls(centres, counts, None if None in names.values() else names, photographs)


def finite_numbers(values: Any, what: str) -> np.ndarray:
    """Returns a float32 copy of styles.

    Args:
        values: Array or lists of numbers.
        what: Whose styles they are, for the message.

    Raises:
        ValueError: They are not all finite numbers that float32 holds.
    """
    try:
        array = np.array(values)
    except ValueError:  # Lists of different lengths.
        array = np.array(None)
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ValueError(f"Styles are arrays of finite numbers; {what}: {_short(values)}.")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"Styles are of numbers that float32 holds; {what}: {_short(values)}.")
    return array


def _counts(values: Any, class_id: int) -> np.ndarray:
    counts = finite_numbers(values, f"the counts of class {class_id}")
    if (counts < 0).any() or (counts % 1).any():
        raise ValueError(
            f"Counts of styles are whole numbers, 0 or more. Class {class_id}: {_short(values)}."
        )
    return np.array(values, np.int64)


def _short(values: Any) -> str:
    text = repr(values)
    return text if len(text) < 80 else text[:77] + "..."


def _shapes(arrays: Mapping[int, np.ndarray]) -> dict[int, tuple[int, ...]]:
    return {c: array.shape for c, array in arrays.items()}
