"""A daemon that kills itself with kill -9 at the moments that matter, and what must be left of its log."""

from collections import Counter
from pathlib import Path
from typing import Any

from pycrdt import Doc, Map

from syncchat.log import SqliteLog
from syncchat.testing.program import Daemon, python
from syncchat_server.doctor import examine
from syncchat_server.folder import LOG_NAME

SOURCE = """
    import os, random, signal, sys, threading
    import syncchat_server.daemon
    from syncchat.cli import main
    from syncchat.log import SqliteLog

    MOMENT, CHANCE, SECONDS = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])

    def doom(moment):
        if moment == MOMENT and random.random() < CHANCE:
            delay = random.uniform(0, SECONDS)
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()

    class Dying(SqliteLog):
        async def append(self, doc, updates, *, beside=None):
            doom("commit")
            return await super().append(doc, updates, beside=beside)

        async def compact(self, doc, snapshot, *, base, upto):
            doom("compaction")
            return await super().compact(doc, snapshot, base=base, upto=upto)

    syncchat_server.daemon.SqliteLog = Dying
    main(sys.argv[4:])
"""

LIMITS = "[limits]\ncompact_entries = 12\n"


class DyingDaemon(Daemon):
    """A daemon that dies within `seconds` of the beginning of a `moment`, with a `chance` at each.

    `moment` is "commit" or "compaction"; it compacts every few commits.
    """

    def __init__(self, data: Path, moment: str, *, chance: float, seconds: float) -> None:
        self._doom = (moment, chance, seconds)
        config = data.with_name("config.toml")
        config.write_text(LIMITS, encoding="utf-8")
        super().__init__(data, "--no-agent", "--config", str(config))

    def command(self, *arguments: object) -> list[str]:
        return python(SOURCE, *self._doom, *arguments)


async def messages_in(log: Path, room: str) -> dict[str, str]:
    """The messages that a log holds of a room, by their ids, as JSON; of an id on two pages the first's."""
    found: dict[str, str] = {}
    async with SqliteLog(log) as opened:
        for name in await opened.docs():
            if name.startswith(f"{room}/") and "#" not in name:
                page: Doc[Any] = Doc()
                with page.transaction():
                    for entry in await opened.read(name):
                        page.apply_update(entry.data)
                found = dict(page.get("messages", type=Map).items()) | found
    return found


async def assert_kept(data: Path, room: str, promised: set[str]) -> None:
    """The log of a daemon that was killed is sound, has all that was promised, and nothing twice.

    To be asked before anybody who still holds the messages can bring them again.
    """
    assert list(examine(data / LOG_NAME)) == []
    kept = await messages_in(data / LOG_NAME, room)
    assert promised <= kept.keys(), f"{len(promised - kept.keys())} of {len(promised)} are lost"
    most = Counter(kept.values()).most_common(1)
    assert not most or most[0][1] == 1, "a message is there twice"
