"""Real chat replayed: each busy author is a client of its own, with cuts, restarts and a kill -9."""

import random
import re
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from syncchat.core.ids import RAND_BITS, Hlc, page_name, user_from_subject
from syncchat.core.room import Room
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon

HERE = Path(__file__).parent
HISTORY = HERE.parents[2] / "shared" / "data" / "ubuntu-irc" / "history"
SESSION = "2008-06-03.train-a.raw.txt"
BUSIEST = 20
MIDNIGHT = 1_212_451_200_000
"""The day of the session, in milliseconds since 1970."""

BRIDGE = "bridge"
"""Speaks for everybody who is not among the busiest."""

_LINE = re.compile(r"\[(\d\d):(\d\d)\] (?:<(?P<says>[^>\s]+)> |(?P<acts>\* )(?P<actor>\S+) )(?P<text>.*\S)")
_DAY = 24 * 60
_STEP_BACK = 12 * 60


class Line(NamedTuple):
    """One message: the milliseconds since the session's first midnight, its author and its text."""

    time: int
    author: str
    text: str


def parse(session: str) -> list[Line]:
    """The messages of a session; events and empty messages are none.

    Times are strictly increasing: a log tells only minutes, so each line of a minute is a
    millisecond later than the one before it. Past midnight the next day begins.
    """
    lines: list[Line] = []
    day = minute = time = 0
    for match in filter(None, map(_LINE.match, session.splitlines())):
        now = int(match[1]) * 60 + int(match[2])
        day += now < minute - _STEP_BACK
        minute = now
        time = max(time + 1, (day * _DAY + minute) * 60_000)
        lines.append(Line(time, match["says"] or match["actor"], (match["acts"] or "") + match["text"]))
    return lines


def cast(lines: list[Line], busiest: int) -> list[Line]:
    """The same lines, spoken by the users who replay them.

    The `busiest` authors speak for themselves; the bridge speaks for all others and says their names.
    """
    counts = Counter(line.author for line in lines)
    own = {author for author, _ in counts.most_common(busiest)}
    return [
        Line(time, user_from_subject(author), text)
        if author in own
        else Line(time, BRIDGE, f"<{author}> {text}")
        for time, author, text in lines
    ]


# The replay


class Author:
    """One author's client, which is cut off and restarted; `run` is its one task."""

    def __init__(self, user: str, folder: Path, clock: "Clock", server: str) -> None:
        self.user = user
        self.path = folder / f"{user}.sqlite"
        self._clock = clock
        self._server = server
        self._rng = random.Random(user)
        self._ready = anyio.Event()
        self._restart = anyio.Event()

    async def run(self) -> None:
        while True:
            async with Peer(self.path, user=self.user, server=self._server) as peer:
                self.peer, self.room = peer, await self._enter(peer)
                self._ready.set()
                await self._restart.wait()
            self._restart = anyio.Event()

    async def _enter(self, peer: Peer) -> Room:
        """The room as one sees it who writes down the past: its times are not the server's present."""
        page = await peer.open(page_name("ubuntu", 0))
        room = Room(
            "ubuntu",
            self.user,
            hlc=Hlc(self._clock.now),
            rand=lambda: self._rng.getrandbits(RAND_BITS),
            presence=page.presence,
            is_waiting=lambda _doc, root, key: page.is_waiting(root, key),
        )
        room.attach(0, page.store)
        return room

    async def ready(self) -> None:
        await self._ready.wait()

    def restart(self) -> None:
        """Leave, and come back with what is in the log."""
        self._ready = anyio.Event()
        self._restart.set()


class Clock:
    """Tells the time of the line that is being replayed, to everybody."""

    def __init__(self) -> None:
        self.time = 0

    def now(self) -> int:
        return MIDNIGHT + self.time


def said(room: Room) -> list[Line]:
    return [Line(message.hlc - MIDNIGHT, message.user, message.text) for message in room.timeline]


async def replay(lines: list[Line], authors: dict[str, Author], clock: Clock, rng: random.Random) -> None:
    """Let everybody say what they said, in order; some are cut off or restarted before they speak."""
    for line in lines:
        author = authors[line.author]
        await author.ready()
        fate = rng.random()
        if fate < 0.02:
            author.restart()
            await author.ready()
        elif fate < 0.06:
            author.peer.go_offline()
        elif fate < 0.20:
            author.peer.go_online()
        clock.time = line.time
        author.room.post(line.text)
        await anyio.lowlevel.checkpoint()


async def converge(authors: dict[str, Author], lines: list[Line]) -> None:
    for author in authors.values():
        await author.ready()
        author.peer.go_online()
    for author in authors.values():
        await author.peer.settled()
        await author.peer.until(lambda: len(author.room.timeline) >= len(lines))  # noqa: B023  (awaited here)
        assert said(author.room) == lines


async def replay_and_check(lines: list[Line], folder: Path) -> None:
    """The session as seen by everybody at the end, and offline from each log, is the session."""
    clock, rng = Clock(), random.Random(7)
    with Daemon(folder / "daemon", "--no-agent") as daemon:
        users = dict.fromkeys(line.author for line in lines)
        authors = {user: Author(user, folder, clock, daemon.address) for user in users}
        async with anyio.create_task_group() as tasks:
            for author in authors.values():
                tasks.start_soon(author.run)
            middle = len(lines) // 2
            await replay(lines[:middle], authors, clock, rng)
            async with anyio.create_task_group() as killing:
                killing.start_soon(anyio.to_thread.run_sync, daemon.restart)
                await replay(lines[middle:], authors, clock, rng)
            await converge(authors, lines)
            tasks.cancel_scope.cancel()
        assert "Traceback" not in daemon.stderr()
    async with AsyncExitStack() as stack:
        for author in authors.values():
            peer = await stack.enter_async_context(Peer(author.path, user=author.user))
            assert said(await peer.enter("ubuntu")) == lines


def test_H2_a_session_is_read_line_by_line() -> None:
    lines = parse((HERE / "sample.txt").read_text(encoding="utf-8"))
    assert len(lines) == 20
    assert lines[0].time == (23 * 60 + 57) * 60_000
    assert lines[0].author == "ada_l"
    assert lines[0].text == "evening all; does anybody know how to thread the blue loom?"
    assert lines[3] == Line((23 * 60 + 58) * 60_000, "bert", "* scratches his head")
    assert lines[4].author == "[cloud]"
    assert lines[11].time == 24 * 3_600_000, "past midnight"
    times = [line.time for line in lines]
    assert times == sorted(set(times)), "a clock that went back"
    assert {line.author for line in cast(lines, 2)} == {"ada_l", "bert", BRIDGE}
    assert cast(lines, 2)[-2] == Line(lines[-2].time, BRIDGE, "<[cloud]> and a leap of the clock")


@pytest.mark.anyio
async def test_S1_O4_H2_a_made_up_session_arrives_exactly(tmp_path: Path) -> None:
    lines = cast(parse((HERE / "sample.txt").read_text(encoding="utf-8")), 4)
    with anyio.fail_after(2 * PATIENCE):
        await replay_and_check(lines, tmp_path)


@pytest.mark.anyio
@pytest.mark.skipif(not HISTORY.is_dir(), reason=f"the IRC logs are not there: {HISTORY}")
async def test_S1_D5_O4_H2_a_real_session_arrives_exactly(tmp_path: Path) -> None:
    lines = cast(parse((HISTORY / SESSION).read_text(encoding="utf-8", errors="replace")), BUSIEST)
    assert len({line.author for line in lines}) == BUSIEST + 1
    started = time.perf_counter()
    with anyio.fail_after(3 * PATIENCE):
        await replay_and_check(lines, tmp_path)
    took = time.perf_counter() - started
    sys.stdout.write(f"\n  measured: {len(lines)} lines by {BUSIEST + 1} clients in {took:.1f} s\n")
