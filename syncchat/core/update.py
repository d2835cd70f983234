"""What a Yjs update (format v1) says, read without applying it and without trusting a byte."""

import json
import re
from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn

from syncchat.core.lib0 import MAX_DEPTH, Any, Reader
from syncchat.errors import MalformedUpdate

MAX_CLOCK: Final = 2**31 - 1
"""yrs computes with clocks as signed 32-bit integers."""

GC: Final = 0
DELETED: Final = 1
BINARY: Final = 3
STRING: Final = 4
EMBED: Final = 5
FORMAT: Final = 6
TYPE: Final = 7
ANY: Final = 8
DOC: Final = 9
SKIP: Final = 10

TYPE_TEXT: Final = 2
TYPE_XML_ELEMENT: Final = 3
TYPE_XML_HOOK: Final = 5
TYPE_LAST: Final = 6

_HAS_ORIGIN: Final = 0x80
_HAS_RIGHT_ORIGIN: Final = 0x40
_HAS_KEY: Final = 0x20
_BARE: Final = (GC, SKIP)

_JSON_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)

MOST: Final = 131_072
"""Structs, ranges and values that an update from outside may have: far more than honest ones have."""

Id = tuple[int, int]
"""A client id and one of its clocks: the name of one element."""

Content = None | int | str | bytes | tuple[str, str] | list[Any]


class Struct(NamedTuple):
    """A run of `len` elements, with the clocks `clock` to `clock + len - 1` of `client`.

    `kind` is GC, SKIP, or the kind of the content: DELETED has no content, BINARY is bytes,
    STRING a str (of `len` UTF-16 units), EMBED its JSON, FORMAT its key and JSON, TYPE the
    number of the shared type, ANY a list of `len` values, DOC the guid.
    `parent` is a root's name, the id of a shared type's element, or None where an origin
    tells it (and so it does with `key`). `size` is the struct's size in bytes.
    """

    client: int
    clock: int
    len: int
    kind: int
    origin: Id | None = None
    right_origin: Id | None = None
    parent: str | Id | None = None
    key: str | None = None
    content: Content = None
    size: int = 2


_new = tuple.__new__
"""Half the time of a call of the class."""


class Update(NamedTuple):
    """`structs` by client, each client's without holes (but SKIP); `deletes` as client, clock, length.

    What is deleted is sorted and disjoint within a client. `data` is what all this was read from.
    """

    structs: dict[int, list[Struct]]
    deletes: list[tuple[int, int, int]]
    data: bytes

    @property
    def size(self) -> int:
        """The update's size in bytes."""
        return len(self.data)

    @property
    def parts(self) -> int:
        """How many structs and ranges it has: what judging it costs grows with them."""
        parts = len(self.deletes)
        for run in self.structs.values():
            parts += len(run)
        return parts


def decode(data: bytes, *, most: int | None = None) -> Update:
    """Read an update; raises MalformedUpdate for anything that no honest encoder writes.

    What is returned is safe for yrs to decode. Whether it may be applied is the guard's to say.
    `most` bounds the time that it takes, as a number of structs, ranges and values: of the
    smallest ones a few megabytes hold millions.
    """
    # Each thing takes a byte at least: most updates are too short to hold too many.
    reader = Reader(data) if most is None or len(data) <= most else _FrugalReader(data, most)
    structs: dict[int, list[Struct]] = {}
    for _ in range(reader.count(4)):
        _read_client(reader, structs)
    deletes = _read_deletes(reader)
    if reader.pos != reader.end:
        raise MalformedUpdate("bytes behind the end of an update")
    return _new(Update, (structs, deletes, data))


class _FrugalReader(Reader):
    """A reader that counts no further than to `most` things altogether."""

    __slots__ = ("_left",)

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._left = most

    def count(self, each: int = 1) -> int:
        number = super().count(each)
        self._left -= number
        if self._left < 0:
            raise MalformedUpdate("more structs, ranges and values than one update may have")
        return number


def check_json(text: str) -> None:
    """Raise MalformedUpdate unless `read_json` can read `text`."""
    read_json(text)


def read_json(text: str) -> Any:
    """Read a value that is JSON as the strictest of our parsers takes it; raises MalformedUpdate.

    That is: at most `MAX_DEPTH` deep, finite numbers, no lone surrogates.
    """
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    try:
        value = _parse(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except ValueError:
        raise MalformedUpdate("a value is not JSON") from None


def _parse(text: str) -> Any:
    """What `_JSON.decode` reads; for an object without space around it nobody has to look for space."""
    if text[:1] != "{" or text[-1:] != "}":
        value: Any = _JSON.decode(text)
        return value
    value, end = _JSON.raw_decode(text)
    if end != len(text):
        raise ValueError("something behind the value")
    return value


def _read_client(reader: Reader, structs: dict[int, list[Struct]]) -> None:
    number = reader.count(2)
    start = reader.pos
    client = reader.var_uint()
    own = reader.data[start : reader.pos]
    clock = reader.var_uint()
    if number == 0 or client in structs:
        raise MalformedUpdate("a client id without structs, or twice in one update")
    run = []
    for _ in range(number):
        struct = _read_struct(reader, client, clock, own)
        clock += struct.len
        if struct.len == 0 or clock > MAX_CLOCK:
            raise MalformedUpdate("a struct without a length, or with one that is too large")
        run.append(struct)
    structs[client] = run


def _read_struct(reader: Reader, client: int, clock: int, own: bytes) -> Struct:
    start = reader.pos
    info = reader.byte()
    if info in _BARE:
        return Struct(client, clock, reader.var_uint(), info)
    origin = right_origin = key = None
    parent: str | Id | None = None
    if info & _HAS_ORIGIN:
        origin = _read_id(reader, client, own)
    if info & _HAS_RIGHT_ORIGIN:
        right_origin = _read_id(reader, client, own)
    if not info & (_HAS_ORIGIN | _HAS_RIGHT_ORIGIN):
        parent = _read_parent(reader)
        if info & _HAS_KEY:
            key = reader.var_string()
    kind = info & 0x1F
    if kind == STRING:  # nearly every struct there is
        text = reader.var_string()
        length = len(text) if text.isascii() else len(text.encode("utf-16-le")) >> 1
        size = reader.pos - start
        return _new(Struct, (client, clock, length, STRING, origin, right_origin, parent, key, text, size))
    read = _CONTENTS.get(kind)
    if read is None:
        raise MalformedUpdate(f"a struct of the unknown or outdated kind {kind}")
    length, content = read(reader)
    size = reader.pos - start
    return _new(Struct, (client, clock, length, kind, origin, right_origin, parent, key, content, size))


def _read_id(reader: Reader, client: int, own: bytes) -> Id:
    """An id mostly has its struct's client id, whose bytes `own` need no second reading."""
    if reader.data.startswith(own, reader.pos):
        reader.pos += len(own)
    else:
        client = reader.var_uint()
    return client, reader.var_uint()


def _read_parent(reader: Reader) -> str | Id:
    is_root = reader.var_uint()
    if is_root > 1:
        raise MalformedUpdate("a parent that is neither a root nor an element")
    return reader.var_string() if is_root else (reader.var_uint(), reader.var_uint())


def _read_deletes(reader: Reader) -> list[tuple[int, int, int]]:
    clients = reader.count(2)
    if not clients:
        return []
    deletes = []
    seen = set()
    for _ in range(clients):
        client = reader.var_uint()
        if client in seen:
            raise MalformedUpdate("a delete set names a client id twice")
        seen.add(client)
        end = 0
        for _ in range(reader.count(2)):
            clock = reader.var_uint()
            length = reader.var_uint()
            if length == 0 or clock < end or clock + length > MAX_CLOCK:
                raise MalformedUpdate("a range of a delete set is empty, too large or out of order")
            end = clock + length
            deletes.append((client, clock, length))
    return deletes


def _deleted(reader: Reader) -> tuple[int, Content]:
    return reader.var_uint(), None


def _binary(reader: Reader) -> tuple[int, Content]:
    return 1, reader.var_bytes()


def _embed(reader: Reader) -> tuple[int, Content]:
    text = reader.var_string()
    read_json(text)
    return 1, text


def _format(reader: Reader) -> tuple[int, Content]:
    key = reader.var_string()
    text = reader.var_string()
    read_json(text)
    return 1, (key, text)


def _type(reader: Reader) -> tuple[int, Content]:
    number = reader.byte()
    if number > TYPE_LAST or number == TYPE_XML_HOOK:  # of a hook yrs does not read the name that Yjs writes
        raise MalformedUpdate(f"a shared type of the unknown or outdated kind {number}")
    if number == TYPE_XML_ELEMENT:
        reader.var_string()
    return 1, number


def _any(reader: Reader) -> tuple[int, Content]:
    number = reader.count()
    if number == 1:  # as nearly always
        return 1, [reader.any()]
    return number, [reader.any() for _ in range(number)]


def _doc(reader: Reader) -> tuple[int, Content]:
    guid = reader.var_string()
    reader.any()
    return 1, guid


# Kind 2, the JSON of Yjs before 2020, is left out on purpose: yrs reads one value more than Yjs writes.
_CONTENTS: dict[int, Callable[[Reader], tuple[int, Content]]] = {
    DELETED: _deleted,
    BINARY: _binary,
    EMBED: _embed,
    FORMAT: _format,
    TYPE: _type,
    ANY: _any,
    DOC: _doc,
}


def _check_depth(text: str) -> None:
    depth = 0
    for character in _JSON_STRING.sub("", text):
        if character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedUpdate(f"JSON nested more than {MAX_DEPTH} deep")
        elif character in "]}":
            depth -= 1


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number too large")
    return number


_JSON = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)
"""Made once: `json.loads` makes a new one for each call with settings of its own."""
