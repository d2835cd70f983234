"""Updates written byte by byte, well-formed or not, as no CRDT library would write them."""

from collections.abc import Sequence

from syncchat.core.lib0 import write_var_string, write_var_uint
from syncchat.core.update import ANY, BINARY, DELETED, DOC, EMBED, FORMAT, GC, SKIP, STRING, TYPE, Id

Ranges = Sequence[tuple[int, int]]
"""Deleted clocks: where each range begins, and how many there are."""


def update(*clients: tuple[int, int, Sequence[bytes]], deletes: Sequence[tuple[int, Ranges]] = ()) -> bytes:
    """An update: structs as (client, first clock, structs), deletes as (client, (clock, length)s)."""
    return whole([section(*client) for client in clients], [cut(*deleted) for deleted in deletes])


def whole(sections: Sequence[bytes], cuts: Sequence[bytes] = ()) -> bytes:
    """An update of sections and cuts, which may be malformed."""
    return number(len(sections)) + b"".join(sections) + number(len(cuts)) + b"".join(cuts)


def section(client: int, clock: int, structs: Sequence[bytes]) -> bytes:
    """One client id's part of an update."""
    return number(len(structs)) + number(client) + number(clock) + b"".join(structs)


def cut(client: int, ranges: Ranges) -> bytes:
    """One client id's part of a delete set."""
    data = number(client) + number(len(ranges))
    return data + b"".join(number(clock) + number(length) for clock, length in ranges)


def item(
    kind: int,
    content: bytes,
    *,
    origin: Id | None = None,
    right: Id | None = None,
    parent: str | Id | None = None,
    key: str | None = None,
) -> bytes:
    """A struct of any kind; without origin and right origin it needs a parent."""
    info = kind | (origin is not None) << 7 | (right is not None) << 6 | (key is not None) << 5
    data = bytearray([info])
    for element in (origin, right):
        if element is not None:
            data += number(element[0]) + number(element[1])
    if origin is None and right is None:
        if isinstance(parent, str):
            data += number(1) + text(parent)
        elif parent is not None:
            data += number(0) + number(parent[0]) + number(parent[1])
        if key is not None:
            data += text(key)
    return bytes(data) + content


def number(value: int) -> bytes:
    """A lib0 unsigned integer."""
    buffer = bytearray()
    write_var_uint(buffer, value)
    return bytes(buffer)


def text(value: str) -> bytes:
    """A lib0 string."""
    buffer = bytearray()
    write_var_string(buffer, value)
    return bytes(buffer)


def values(*texts: str) -> bytes:
    """The content of a struct of the kind ANY that holds texts."""
    return number(len(texts)) + b"".join(b"\x77" + text(value) for value in texts)


def gc(length: int) -> bytes:
    """A struct of garbage."""
    return bytes([GC]) + number(length)


def skip(length: int) -> bytes:
    """A struct that stands for ones left out."""
    return bytes([SKIP]) + number(length)


EMPTY_STRUCTS = {
    "gc": gc(0),
    "skip": skip(0),
    "deleted": item(DELETED, number(0), parent="messages", key="k"),
    "string": item(STRING, text(""), parent="messages", key="k"),
    "any": item(ANY, number(0), parent="messages", key="k"),
}
"""Structs without a length: one of them ends a yrs that decodes it."""

ODD_CONTENTS = {
    "embed": (EMBED, text("{}")),
    "format": (FORMAT, text("bold") + text("true")),
    "doc": (DOC, text("guid") + b"\x76\x00"),
    "binary": (BINARY, number(2) + b"\x00\xff"),
    "array": (TYPE, b"\x00"),
    "map": (TYPE, b"\x01"),
    "xml element": (TYPE, b"\x03" + text("p")),
    "two values": (ANY, values('"a"', '"b"')),
    "no text": (ANY, b"\x01\x7d\x01"),
    "no JSON": (ANY, values("{")),
    "deep JSON": (ANY, values("[" * 20_000 + "]" * 20_000)),
}
"""Kinds and contents that yrs takes and no row of a page may hold."""
