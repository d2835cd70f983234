"""The dialect of `/sync` with its larger updates packed (zlib, RFC 1950), for clients that ask for that.

Only servers pack, so that nobody can send one a few bytes that become very many. A page of a room is some
30 kB; what people write shrinks to two fifths, in 0.2 ms.
"""

import zlib
from functools import lru_cache
from typing import Final

from syncchat.core.dialect import STEP2, UPDATE, HocuspocusDialect, head
from syncchat.core.lib0 import Reader, write_var_bytes
from syncchat.core.messages import Message, Step2, Update
from syncchat.errors import MalformedUpdate

ASKED: Final = "pack=zlib"
"""The query of an address by which a client asks for it; a server that cannot do it passes it over."""

PACKED: Final = 0x5A
"""The type of the message: the kind of what is packed (Sync step 2, or update), then the bytes."""

LEAST: Final = 1 << 10
"""Bytes of an update from which on it is packed: below that there is little to gain."""

MOST: Final = 1 << 18
"""Bytes of an update up to which it is packed: more would hold up everybody else, and could be a bomb."""

_LEVEL: Final = 1
"""The quickest: the slowest gains another tenth, for three times the work."""


class PackingDialect(HocuspocusDialect):
    """As a server speaks it."""

    __slots__ = ()

    def encode(self, key: str, message: Message) -> bytes | None:
        """Encode a message about the doc with this routing key."""
        if isinstance(message, Step2 | Update) and LEAST <= len(message.update) <= MOST:
            packed = _pack(message.update)
            if len(packed) < len(message.update):
                kind = STEP2 if isinstance(message, Step2) else UPDATE
                buffer = bytearray(head(key) + bytes((PACKED, kind)))
                write_var_bytes(buffer, packed)
                return bytes(buffer)
        return super().encode(key, message)


class UnpackingDialect(HocuspocusDialect):
    """As a client hears it, from any server: what is not packed is read as ever."""

    __slots__ = ()

    def _decode(self, reader: Reader, kind: int) -> Message | None:
        if kind != PACKED:
            return super()._decode(reader, kind)
        kind = reader.var_uint()
        update = _unpack(reader.var_bytes())
        if kind == STEP2:
            return Step2(update)
        if kind == UPDATE:
            return Update(update)
        raise MalformedUpdate(f"unknown packed message {kind}")


@lru_cache(maxsize=16)
def _pack(update: bytes) -> bytes:
    """Kept, as many may join one room at the same time, and are told the same."""
    return zlib.compress(update, _LEVEL)


def _unpack(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        update = unpacking.decompress(packed, MOST + 1)
    except zlib.error as error:
        raise MalformedUpdate(f"a packed update that cannot be read: {error}") from error
    if not unpacking.eof or unpacking.unused_data or len(update) > MOST:
        raise MalformedUpdate(f"a packed update that is cut off, or has more than {MOST} bytes")
    return update
