"""What waits to be committed: bounded in bytes, taken in groups, in the order it came."""

from asyncio import Future, get_running_loop
from collections import deque
from collections.abc import Sequence

import anyio

from syncchat.errors import LogError
from syncchat.wakeup import Wakeup

GROUP_APPENDS = 256
GROUP_BYTES = 1 << 20
"""At most so many appends, and so many bytes unless it is a single append, share a commit."""

BACKLOG_BYTES = 8 << 20
"""What may wait beside the group being committed; then callers wait for room."""


class Append:
    """One call of `append`, with its (doc, update) in the order in which they are added.

    `size` is the bytes of all its updates; `done` tells its `seq`, or raises why it failed.
    """

    __slots__ = ("done", "entries", "size", "taken")

    def __init__(self, entries: Sequence[tuple[str, bytes]]) -> None:
        self.entries = entries
        self.size = 0
        for _, update in entries:
            self.size += len(update)
        self.taken = False
        self.done: Future[int] = get_running_loop().create_future()


class Backlog:
    """A first-in first-out queue of appends with many writers and one reader."""

    def __init__(self, limit: int = BACKLOG_BYTES) -> None:
        self._limit = limit
        self._appends: deque[Append] = deque()
        self._bytes = 0
        self._entering = 0
        self._closed = False
        self._turn = anyio.Lock(fast_acquire=True)
        self._room = Wakeup()
        self._filled = Wakeup()

    def put_now(self, append: Append) -> bool:
        """Queue `append` unless it has to wait for room; raises LogError once the backlog is closed."""
        if self._closed:
            raise LogError("the log is closed: open it again to append")
        if self._entering or not self._has_room(append):
            return False
        self._push(append)
        return True

    async def put(self, append: Append) -> None:
        """Queue `append`, waiting for room in turn; raises LogError once the backlog is closed."""
        if self.put_now(append):
            return
        self._entering += 1
        try:
            async with self._turn:
                while not self._has_room(append):
                    await self._room.sleep()
                self._push(append)
        finally:
            self._entering -= 1
            self._filled.call()

    def _has_room(self, append: Append) -> bool:
        return not self._appends or self._bytes + append.size <= self._limit

    def _push(self, append: Append) -> None:
        self._appends.append(append)
        self._bytes += append.size
        self._filled.call()

    def withdraw(self, append: Append) -> None:
        """Take `append` out again if its commit has not begun."""
        if not append.taken:
            self._appends.remove(append)
            self._bytes -= append.size
            self._room.call()

    async def take(self) -> list[Append]:
        """Wait for the next group; an empty one means: closed, and everything was taken."""
        while not self._appends:
            if self._closed and not self._entering:
                return []
            await self._filled.sleep()
        group = [self._pop()]
        size = group[0].size
        while self._appends and len(group) < GROUP_APPENDS and size + self._appends[0].size <= GROUP_BYTES:
            group.append(self._pop())
            size += group[-1].size
        self._room.call()
        return group

    @property
    def waiting(self) -> bool:
        """Whether something waits to be taken."""
        return bool(self._appends)

    def close(self) -> None:
        """Let nothing more in; what came before can still be taken."""
        self._closed = True
        self._filled.call()

    def _pop(self) -> Append:
        append = self._appends.popleft()
        append.taken = True
        self._bytes -= append.size
        return append
