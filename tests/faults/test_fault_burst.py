"""Everybody leaves in the instant after a burst: what was sent is kept all the same."""

from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from syncchat.core.ids import format_id
from syncchat.core.messages import Update
from syncchat.testing.client import Writer
from syncchat.testing.program import PATIENCE, Daemon
from syncchat_server.folder import LOG_NAME
from tests.faults.dying import assert_kept, messages_in
from tests.faults.talker import talker

BURST = 300


async def until_logged(log: Path, room: str, count: int) -> None:
    """Return when a log has so many messages; nobody is left to be told, so it is all there is to ask."""
    while True:
        if len(await messages_in(log, room)) >= count:
            return
        await anyio.sleep(0.05)


@pytest.mark.anyio
async def test_D5_S7_both_clients_leave_right_after_a_burst_of_300_and_all_300_are_kept(
    tmp_path: Path,
) -> None:
    writer = Writer()
    ids = [format_id(number, "ada", number) for number in range(BURST)]
    burst = [Update(writer.write(id, {"text": f"message {id}"})) for id in ids]
    with anyio.fail_after(PATIENCE), Daemon(tmp_path / "data", "--no-agent") as daemon:
        async with (
            talker(daemon.address, "lobby/0", "bob"),
            talker(daemon.address, "lobby/0", "ada") as ada,
        ):
            await ada.say(*burst)
        await until_logged(daemon.data / LOG_NAME, "lobby", BURST)
        await anyio.to_thread.run_sync(daemon.kill)
        await assert_kept(daemon.data, "lobby", set(ids))
