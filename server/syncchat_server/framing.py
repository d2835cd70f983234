"""Takes binary frames off a client's stream (RFC 6455, section 5.2), and leaves all else to the library."""

from collections.abc import Callable
from typing import Final

try:
    from websockets.speedups import apply_mask
except ImportError:  # there is none for every platform
    from websockets.utils import apply_mask

PLAIN: Final = 0x82
"""The first byte of a binary frame that is a whole message, and not compressed."""

_MASKED: Final = 0x80
_LONG, _LONGER = 126, 127
_MASK: Final = 4


_Head = tuple[int, int]
"""How long a frame's head is, and its payload."""


class Frames:
    """Cuts a stream into frames; at its beginning none may be under way.

    `deliver` gets the payload of each plain one. `others` gets each other one as it is on the wire, in its
    turn, and tells whether plain ones may follow it: else, and behind a frame with more than `most` bytes,
    it gets everything.
    """

    __slots__ = ("_deliver", "_most", "_others", "_over", "_part")

    def __init__(
        self, deliver: Callable[[bytes], None], others: Callable[[bytes], bool], *, most: int
    ) -> None:
        self._deliver = deliver
        self._others = others
        self._most = most
        self._part: bytearray | None = None
        self._over = False

    def receive(self, data: bytes) -> None:
        """The next bytes of the stream; of a frame that is not whole yet at most `most` are kept."""
        if (
            self._part is None
            and len(data) <= self._most
            and not self._over
            and (start := _start_of_one(data))
        ):
            self._deliver(apply_mask(data[start:], data[start - _MASK : start]))
            return
        if self._part is not None:
            self._part += data
            head = _head(self._part, 0)
            if head is None or len(self._part) < min(sum(head), self._most):
                return
            data, self._part = bytes(self._part), None
        at = 0
        while at < len(data) and not self._over:
            head = _head(data, at)
            if head is not None and head[1] > self._most:
                self._over = True
                break
            end = 0 if head is None else at + head[0] + head[1]
            if head is None or end > len(data):
                self._part = bytearray(data[at:])
                return
            if data[at] == PLAIN and data[at + 1] & _MASKED:
                start = at + head[0]
                self._deliver(apply_mask(data[start:end], data[start - _MASK : start]))
            else:
                self._over = not self._others(data[at:end])
            at = end
        if at < len(data):
            self._others(data[at:])


def _start_of_one(data: bytes) -> int:
    """Where the payload begins if there is one short plain frame and nothing else, as mostly; or else 0."""
    size = len(data)
    if size < 2 + _MASK or data[0] != PLAIN:
        return 0
    if data[1] == _MASKED + size - (2 + _MASK) and size < 2 + _MASK + _LONG:
        return 2 + _MASK
    if data[1] == _MASKED + _LONG and data[2] << 8 | data[3] == size - (4 + _MASK):
        return 4 + _MASK
    return 0


def _head(data: bytes | bytearray, at: int) -> _Head | None:
    """The head of the frame that begins here; None as long as it is not whole."""
    have = len(data) - at
    if have < 2:
        return None
    size, payload = 2, data[at + 1] & 0x7F
    if payload >= _LONG:
        more = 2 if payload == _LONG else 8
        if have < size + more:
            return None
        payload = int.from_bytes(data[at + size : at + size + more], "big")
        size += more
    if data[at + 1] & _MASKED:
        size += _MASK
    return (size, payload) if have >= size else None
