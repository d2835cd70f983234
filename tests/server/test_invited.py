"""An invitation, from the verb that makes it to the terminal client that opens it."""

import os
import pty
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from syncchat.core.room import Room
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon, syncchat
from tests.server.letting import made, token

ENTER = b"\r"
QUIT = b"\x11"


class Terminal:
    """A terminal with the client in it: what a person types goes in, and all that is shown is read."""

    def __init__(self, controller: int, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self._controller = controller
        self._shown = b""
        self._news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._controller, keys)

    def until(self, shown: bytes) -> None:
        """Return when something is shown; it has PATIENCE seconds for that."""
        with self._news:
            assert self._news.wait_for(lambda: shown in self._shown, PATIENCE), self._shown[-2000:]

    def _read(self) -> None:
        with suppress(OSError):  # the client has ended
            while data := os.read(self._controller, 1 << 16):
                with self._news:
                    self._shown += data
                    self._news.notify_all()


@contextmanager
def terminal(*arguments: object) -> Iterator[Terminal]:
    """The client in a terminal of its own, killed at the end."""
    controller, end = pty.openpty()
    process = subprocess.Popen(
        syncchat(*arguments),
        stdin=end,
        stdout=end,
        stderr=end,
        start_new_session=True,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
    )
    os.close(end)
    try:
        yield Terminal(controller, process)
    finally:
        process.kill()
        process.wait()
        os.close(controller)


def texts(room: Room) -> list[tuple[str, str]]:
    return [(message.user, message.text) for message in room.timeline]


@pytest.mark.anyio
async def test_U1_U5_who_is_asked_for_the_link_and_gives_it_is_in_the_room_and_writes(
    guarded: Daemon, folder: Path, tmp_path: Path
) -> None:
    link = made("invite", "lobby", "--data", folder, "--user", "bob", "--server", guarded.address)
    with anyio.fail_after(2 * PATIENCE), terminal("chat", "-", "--data", tmp_path / "bob") as bob:
        async with Peer(user="ada", token=token(folder, "ada"), server=guarded.address) as ada:
            room = await ada.enter("lobby")
            await anyio.to_thread.run_sync(bob.until, b"link")
            bob.type(link.encode() + ENTER)
            await ada.until(lambda: {person.user for person in room.people} == {"ada", "bob"})
            await anyio.to_thread.run_sync(bob.until, b"rite a message")  # before, ENTER would be a line feed
            bob.type(b"hello from bob" + ENTER)
            await ada.until(lambda: texts(room) == [("bob", "hello from bob")])
            bob.type(QUIT)
            assert await anyio.to_thread.run_sync(bob.process.wait, PATIENCE) == 0
    assert link.partition("#")[2] not in guarded.stderr()
