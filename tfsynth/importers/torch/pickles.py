"""The part of Python's pickle format that PyTorch writes a state_dict in, and little more.

Python's own unpickler is not used. Told which names it may import, it still lets a few bytes
reserve gigabytes (a memo entry with a large number) or end the process (a dictionary key of tuples
in tuples: hashing has no limit). Here a pickle is read by a machine of about thirty opcodes that
makes text, numbers, tuples, lists and dictionaries, calls only the functions it is given, and
imports nothing.

What is bounded: pickles end within `MOST_BYTES`, so at most that many opcodes run, each of which
takes time and memory in proportion to its own bytes; keys of dictionaries are text or integers;
and no step calls itself, however deeply values are nested.

Source: the documentation of `pickletools` in Python's standard library.
"""

import pickle
import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

# A tensor takes some 150 bytes: enough for 25,000 of them. The most memory that so many opcodes
# take is 400 MB, of empty dictionaries.
MOST_BYTES = 4 * 2**20

_CONSTANTS = {pickle.NONE: None, pickle.NEWTRUE: True, pickle.NEWFALSE: False}
_EMPTY = {pickle.EMPTY_TUPLE: tuple, pickle.EMPTY_LIST: list, pickle.EMPTY_DICT: dict}
_NUMBERS = {pickle.BININT: "<i", pickle.BININT1: "<B", pickle.BININT2: "<H", pickle.BINFLOAT: ">d"}
# The length of a text. The last two are the `str` of Python 2, which wrote the oldest files.
_TEXTS = {pickle.BINUNICODE: "<I", pickle.BINSTRING: "<i", pickle.SHORT_BINSTRING: "<B"}
_TUPLES = {pickle.TUPLE1: 1, pickle.TUPLE2: 2, pickle.TUPLE3: 3}
_PUTS = {pickle.BINPUT: "<B", pickle.LONG_BINPUT: "<I"}
_GETS = {pickle.BINGET: "<B", pickle.LONG_BINGET: "<I"}

_ENDS_EARLY = "it ends in the middle: the download or the copy is not whole. Fetch it again."
DAMAGED = "The file is damaged or forged: fetch it again."
_UNUSUAL = f"No program writes this. {DAMAGED}"


class RefusedError(ValueError):
    """A file breaks a rule; the message says which and what to do, but not which file."""


class Function(NamedTuple):
    """What a pickle may call: `call` gets the tuple of arguments, and checks it."""

    call: Callable[[tuple], Any]


class PickleReader:
    """Reads pickles of protocol 2 that stand one after another.

    A subclass for the files of another program says what they hold.

    Args:
        data: Bytes that begin with a pickle, and need not end with one.
        known: `{"module.name": value}`: what pickles may name. A `Function` can be called, other
            values only be passed on. `collections.OrderedDict` is known besides.
        resolve: Gets what stands for an object outside the pickle, and returns that object.
    """

    # For messages: what a good file holds, and how to get one.
    content = "a state_dict of dense real tensors"
    remedy = "Save `model.state_dict()` alone with `torch.save`, in float32"
    protocols: tuple[int, ...] = (2,)
    protocol_remedy = "Save it again with `torch.save`, without `pickle_protocol`."

    def __init__(
        self, data: bytes, known: Mapping[str, Any], resolve: Callable[[Any], Any]
    ) -> None:
        self.position = 0
        self._data = data[: MOST_BYTES + 1]
        self._known = {"collections.OrderedDict": Function(_ordered_dict), **known}
        self._resolve = resolve

    def read(self) -> Any:
        """Returns the value of the next pickle, after which `position` stands.

        Raises:
            RefusedError: It ends early, is too long, is of another protocol, holds an opcode that
                a state_dict does not need, or names what is not known.
        """
        self._stack: list[Any] = []
        self._below_marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        start = self._take(2)
        if start[:1] != pickle.PROTO:
            raise RefusedError(f"where a pickle must begin stands {start!r}. {_UNUSUAL}")
        if start[1] not in self.protocols:
            read = ", ".join(map(str, self.protocols))
            raise RefusedError(
                f"its pickle is of protocol {start[1]}; what is read is protocol {read}. "
                f"{self.protocol_remedy}"
            )
        while (opcode := self._take(1)) != pickle.STOP:
            self._step(opcode)
        value = self._pop()
        if self._stack or self._below_marks:
            raise RefusedError(f"its pickle leaves values over. {_UNUSUAL}")
        return value

    def _step(self, opcode: bytes) -> None:
        if opcode in _CONSTANTS:
            self._push(_CONSTANTS[opcode])
        elif opcode in _EMPTY:
            self._push(_EMPTY[opcode]())
        elif opcode in _NUMBERS:
            self._push(self._number(_NUMBERS[opcode]))
        elif opcode in _TEXTS:
            self._push(self._text(self._number(_TEXTS[opcode])))
        elif opcode in _TUPLES:
            parts = [self._pop() for _ in range(_TUPLES[opcode])]
            self._push(tuple(reversed(parts)))
        elif opcode in _PUTS:
            self._memo[self._number(_PUTS[opcode])] = self._top()
        elif opcode in _GETS:
            number = self._number(_GETS[opcode])
            if number not in self._memo:
                raise RefusedError(f"its pickle recalls a value it lacks. {_UNUSUAL}")
            self._push(self._memo[number])
        elif opcode in _STEPS:
            _STEPS[opcode](self)
        else:
            raise RefusedError(
                f"its pickle uses the opcode {_name(opcode)}, which {self.content} does not need; "
                f"nothing in it was run. {self.remedy}; do not trust the file if you did not write "
                "it."
            )

    def _take(self, count: int) -> bytes:
        taken = self._data[self.position : self.position + count] if count >= 0 else b""
        if len(taken) != count:
            raise RefusedError(
                f"its pickles do not end within {MOST_BYTES >> 20} MiB: it holds more than "
                f"{self.content}. {self.remedy}."
                if len(self._data) > MOST_BYTES
                else _ENDS_EARLY
            )
        self.position += count
        return taken

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _text(self, length: int) -> str:
        try:
            return self._take(length).decode("utf-8")
        except UnicodeDecodeError as error:
            raise RefusedError(f"its pickle holds text that is not UTF-8. {error}.") from None

    def _line(self) -> str:
        end = self._data.find(b"\n", self.position)
        line = self._take((len(self._data) if end < 0 else end) + 1 - self.position)
        return line[:-1].decode("ascii", "backslashreplace")

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _top(self) -> Any:
        if not self._stack:
            raise RefusedError(f"its pickle uses a value it lacks. {_UNUSUAL}")
        return self._stack[-1]

    def _pop(self) -> Any:
        self._top()
        return self._stack.pop()

    def _mark(self) -> None:
        self._below_marks.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list[Any]:
        if not self._below_marks:
            raise RefusedError(f"its pickle ends a list it did not begin. {_UNUSUAL}")
        values, self._stack = self._stack, self._below_marks.pop()
        return values

    def _add_items(self, keys_and_values: list[Any]) -> None:
        target = self._top()
        if type(target) is not dict or len(keys_and_values) % 2:
            raise RefusedError(f"its pickle fills no dictionary. {_UNUSUAL}")
        _fill(target, zip(keys_and_values[::2], keys_and_values[1::2], strict=True))

    def _extend(self, values: list[Any]) -> None:
        target = self._top()
        if type(target) is not list:
            raise RefusedError(f"its pickle extends no list. {_UNUSUAL}")
        target.extend(values)

    def _global(self) -> None:
        self._push_known(f"{self._line()}.{self._line()}")

    def _push_known(self, name: str) -> None:
        if name not in self._known:
            raise RefusedError(
                f"it names {name[:200]!r}, which {self.content} does not need; nothing in it was "
                f"run. {self.remedy}; do not trust the file if you did not write it."
            )
        self._push(self._known[name])

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, Function) or type(arguments) is not tuple:
            raise RefusedError(f"its pickle calls no function. {_UNUSUAL}")
        self._push(function.call(arguments))

    def _build(self) -> None:
        # The attributes of a dictionary: the versions of the layers, `_metadata`, which hold no
        # weights.
        self._pop()
        if type(self._top()) is not dict:
            raise RefusedError(f"its pickle gives attributes to a value. {_UNUSUAL}")


_STEPS: dict[bytes, Callable[[PickleReader], None]] = {
    pickle.MARK: PickleReader._mark,
    pickle.TUPLE: lambda reader: reader._push(tuple(reader._since_mark())),
    pickle.LONG1: lambda reader: reader._push(
        int.from_bytes(reader._take(reader._number("<B")), "little", signed=True)
    ),
    pickle.APPEND: lambda reader: reader._extend([reader._pop()]),
    pickle.APPENDS: lambda reader: reader._extend(reader._since_mark()),
    pickle.SETITEM: lambda reader: reader._add_items([reader._pop(), reader._pop()][::-1]),
    pickle.SETITEMS: lambda reader: reader._add_items(reader._since_mark()),
    pickle.GLOBAL: PickleReader._global,
    pickle.REDUCE: PickleReader._reduce,
    pickle.BUILD: PickleReader._build,
    pickle.BINPERSID: lambda reader: reader._push(reader._resolve(reader._pop())),
}


def _ordered_dict(arguments: tuple) -> dict:
    # Python 2 passed the items as a list of lists; Python 3 passes nothing.
    items = arguments[0] if len(arguments) == 1 else None if arguments else []
    if type(items) is not list or any(type(pair) is not list or len(pair) != 2 for pair in items):
        raise RefusedError(f"its pickle makes an OrderedDict of no items. {_UNUSUAL}")
    target: dict = {}
    _fill(target, items)
    # Each list serves once: one that is recalled without end would fill the memory.
    items.clear()
    return target


def _fill(target: dict, items: Any) -> None:
    for key, value in items:
        if type(key) not in (str, int):
            raise RefusedError(
                f"its pickle holds a dictionary key of type {type(key).__name__}, which is neither "
                "text nor an integer. Save the plain state_dict or table alone."
            )
        target[key] = value


def _name(opcode: bytes) -> str:
    names = (name for name in pickle.__all__ if getattr(pickle, name) == opcode)
    return next(names, f"0x{opcode.hex()}")
