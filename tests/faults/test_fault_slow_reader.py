"""A reader that stops while others stream 50 MB: it costs the daemon little, and is right in the end."""

import os
import random
import signal
import zlib
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from syncchat.core.ids import format_id
from syncchat.core.messages import Status, Update
from syncchat.testing.client import Writer
from syncchat.testing.program import PATIENCE, Daemon, Program, python
from tests.faults.scale import STOPPED_SECONDS, STREAMED_BYTES
from tests.faults.talker import Talker, talker

GROWTH = 8_000_000
SIZE = 44_000
ROWS = [format_id(number, "ada", number) for number in range(2)]
WARM = STREAMED_BYTES
"""As many bytes with nobody who stops: what they take in the log, the search's index and the allocator is no
cost of a reader."""

USUAL = 0.9
"""The part of the samples that GROWTH is for. The rest are the moments of a compaction, which takes up to
6 MB with any reader, and made this fail on a busy machine: they may be over it by as much again."""

READER = """
    import sys, zlib
    import anyio, anyio.to_thread
    from syncchat.peer import Peer

    def text(room):
        return "".join(message.text for message in room.timeline)

    async def main(server):
        async with Peer(user="bob", server=server) as peer:
            room = await peer.enter("lobby")
            await peer.until(lambda: text(room))
            print("here", flush=True)
            wanted = int(await anyio.to_thread.run_sync(sys.stdin.readline))
            await peer.until(lambda: zlib.crc32(text(room).encode()) == wanted)
            print("converged", flush=True)

    anyio.run(main, *sys.argv[1:])
"""


async def stream(writer: Talker, source: Writer, daemon: Daemon, size: int) -> list[int]:
    """Write `size` bytes over a few rows, as long streams do; returns what the daemon occupied, sorted."""
    rng = random.Random(size)
    occupied = []
    for _ in range(size // (SIZE * len(ROWS))):
        texts = {id: rng.randbytes(SIZE // 2).hex() for id in ROWS}
        await writer.say(*(Update(source.write(id, {"text": text})) for id, text in texts.items()))
        for _ in texts:
            assert (await writer.hear(Status)).ok
        occupied.append(daemon.process.resident)
    return sorted(occupied)


def usual(occupied: list[int]) -> int:
    return occupied[int(USUAL * len(occupied))]


def checksum(source: Writer) -> int:
    texts = [str(row["text"]) for _, row in sorted(source.rows().items())]
    return zlib.crc32("".join(texts).encode())


@pytest.mark.anyio
@pytest.mark.timeout(600)
async def test_S4_a_reader_that_stops_during_50_MB_costs_at_most_8_MB_and_converges(tmp_path: Path) -> None:
    source = Writer()
    with (
        Daemon(tmp_path / "data", "--no-agent") as daemon,
        anyio.fail_after(10 * PATIENCE + STOPPED_SECONDS),
    ):
        async with talker(daemon.address, "lobby/0", "ada") as writer:
            before = usual(await stream(writer, source, daemon, WARM))
            with Program(python(READER, daemon.address), tmp_path / "reader.stderr") as reader:
                assert await anyio.to_thread.run_sync(reader.line) == "here"
                os.kill(reader.pid, signal.SIGSTOP)
                meanwhile = await stream(writer, source, daemon, STREAMED_BYTES)
                await anyio.sleep(STOPPED_SECONDS)
                assert max(usual(meanwhile), daemon.process.resident) - before < GROWTH
                assert meanwhile[-1] - before < 2 * GROWTH
                os.kill(reader.pid, signal.SIGCONT)
                reader.tell(str(checksum(source)))
                assert await anyio.to_thread.run_sync(reader.line) == "converged"
    assert "Traceback" not in daemon.stderr()
