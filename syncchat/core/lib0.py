"""lib0's binary encoding, as far as Yjs updates, state vectors and the wire dialects use it."""

import re
from functools import lru_cache
from struct import Struct

from syncchat.errors import MalformedUpdate

MAX_INT = 2**53 - 1
"""The largest integer the JavaScript side can hold."""

MAX_DEPTH = 64
"""How deeply arrays and objects may nest in one Any."""

Any = None | bool | int | float | str | bytes | list["Any"] | dict[str, "Any"]
"""What lib0 calls Any; `undefined` reads as None."""

_LONG = re.compile(rb"[\x80-\xff]{1,7}[\x00-\x7f]")
"""An integer of two to eight bytes: the last one has its highest bit clear."""

_FLOAT32 = Struct(">f")
_FLOAT64 = Struct(">d")
_BIGINT = Struct(">q")


@lru_cache(maxsize=4096)
def _read_long(code: bytes) -> int:
    """The integer in two to eight bytes; kept, as most are client ids, which come with each update."""
    number = 0
    for byte in reversed(code):
        number = number << 7 | byte & 0x7F
    if number > MAX_INT:
        raise MalformedUpdate("an integer over 2**53-1")
    return number


class Reader:
    """Reads lib0 values from `data`, from byte `pos` on; `pos` is the next byte to be read.

    Every method raises MalformedUpdate for bytes that end too early or say what cannot be;
    the reader is of no use after that. Integers are at most `MAX_INT`.
    """

    __slots__ = ("data", "end", "pos")

    def __init__(self, data: bytes, pos: int = 0) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data)

    @property
    def done(self) -> bool:
        """Whether everything has been read."""
        return self.pos >= self.end

    def rest(self) -> bytes:
        """Read all bytes that are left."""
        rest = self.data[self.pos :]
        self.pos = self.end
        return rest

    def byte(self) -> int:
        """Read one byte."""
        pos = self.pos
        if pos >= self.end:
            raise MalformedUpdate("the bytes end too early")
        self.pos = pos + 1
        return self.data[pos]

    def var_uint(self) -> int:
        """Read an integer of 0 to 2**53-1, in at most 8 bytes."""
        pos = self.pos
        try:
            number = self.data[pos]
        except IndexError:
            raise MalformedUpdate("the bytes end too early") from None
        if number < 0x80:  # one byte is by far the most frequent
            self.pos = pos + 1
            return number
        code = _LONG.match(self.data, pos)
        if code is None:
            long = self.end - pos >= 8
            raise MalformedUpdate(
                "an integer of more than 8 bytes" if long else "the bytes end inside an integer"
            )
        self.pos = code.end()
        return _read_long(code.group())

    def var_int(self) -> int:
        """Read a signed integer between -(2**53-1) and 2**53-1; lib0's -0 reads as 0."""
        byte = self.byte()
        negative = byte & 0x40
        number = byte & 0x3F
        shift = 6
        while byte & 0x80:
            if shift > 48:
                raise MalformedUpdate("an integer of more than 8 bytes")
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            shift += 7
        if number > MAX_INT:
            raise MalformedUpdate("an integer over 2**53-1")
        return -number if negative else number

    def var_bytes(self) -> bytes:
        """Read bytes that are preceded by their number."""
        size = self.var_uint()
        start = self.pos
        self.pos = stop = start + size
        if stop > self.end:
            raise MalformedUpdate("the bytes end too early")
        return self.data[start:stop]

    def var_string(self) -> str:
        """Read a text that is preceded by the number of its UTF-8 bytes."""
        size = self.var_uint()
        start = self.pos
        self.pos = stop = start + size
        if stop > self.end:
            raise MalformedUpdate("the bytes end too early")
        try:
            return str(self.data[start:stop], "utf-8")
        except UnicodeDecodeError:
            raise MalformedUpdate("a text is not UTF-8") from None

    def count(self, each: int = 1) -> int:
        """Read a number of things of which each takes `each` bytes at least.

        A number that the bytes left cannot hold is refused here, before anybody makes room for it.
        """
        number = self.var_uint()
        if number and number * each > self.end - self.pos:
            raise MalformedUpdate("a count of more things than there are bytes")
        return number

    def any(self, depth: int = MAX_DEPTH) -> Any:
        """Read one Any with at most `depth` arrays and objects inside one another."""
        tag = self.byte()
        if tag == 119:
            return self.var_string()
        if tag == 117 or tag == 118:
            if depth == 0:
                raise MalformedUpdate(f"values nested more than {MAX_DEPTH} deep")
            return self._array(depth - 1) if tag == 117 else self._object(depth - 1)
        return self._scalar(tag)

    def _array(self, depth: int) -> list[Any]:
        return [self.any(depth) for _ in range(self.count())]

    def _object(self, depth: int) -> dict[str, Any]:
        return {self.var_string(): self.any(depth) for _ in range(self.count(2))}

    def _scalar(self, tag: int) -> Any:
        match tag:
            case 127 | 126:
                return None
            case 125:
                return self.var_int()
            case 124:
                return float(_FLOAT32.unpack(self._take(4))[0])
            case 123:
                return float(_FLOAT64.unpack(self._take(8))[0])
            case 122:
                return int(_BIGINT.unpack(self._take(8))[0])
            case 121 | 120:
                return tag == 120
            case 116:
                return self.var_bytes()
        raise MalformedUpdate(f"a value of the unknown type {tag}")

    def _take(self, size: int) -> bytes:
        start = self.pos
        stop = start + size
        if stop > self.end:
            raise MalformedUpdate("the bytes end too early")
        self.pos = stop
        return self.data[start:stop]


def write_var_uint(buffer: bytearray, number: int) -> None:
    """Append `number`; raises ValueError unless it is 0 to 2**53-1."""
    if not 0 <= number <= MAX_INT:
        raise ValueError(f"{number} is not between 0 and 2**53-1")
    while number > 0x7F:
        buffer.append(0x80 | (number & 0x7F))
        number >>= 7
    buffer.append(number)


def write_var_bytes(buffer: bytearray, data: bytes) -> None:
    """Append the number of bytes, then the bytes."""
    write_var_uint(buffer, len(data))
    buffer += data


def write_var_string(buffer: bytearray, text: str) -> None:
    """Append the number of UTF-8 bytes, then the text; raises UnicodeEncodeError for lone surrogates."""
    write_var_bytes(buffer, text.encode())


def decode_state(data: bytes) -> dict[int, int]:
    """Read a state vector: how many clocks of each client id are known. Raises MalformedUpdate."""
    reader = Reader(data)
    state: dict[int, int] = {}
    for _ in range(reader.count(2)):
        client = reader.var_uint()
        if client in state:
            raise MalformedUpdate("a state vector names a client id twice")
        state[client] = reader.var_uint()
    if not reader.done:
        raise MalformedUpdate("bytes behind the end of a state vector")
    return state


def encode_state(state: dict[int, int]) -> bytes:
    """Write a state vector, in descending order of client ids as Yjs does."""
    buffer = bytearray()
    write_var_uint(buffer, len(state))
    for client in sorted(state, reverse=True):
        write_var_uint(buffer, client)
        write_var_uint(buffer, state[client])
    return bytes(buffer)
