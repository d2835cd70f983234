"""Large docs are compacted by a process of their own; what it cannot prove is not done (D4)."""

import sys
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Map

from syncchat import compaction
from syncchat.compaction import compact
from syncchat.core.snapshot import NotEqual, make_snapshot
from syncchat.log import MemoryLog
from syncchat.proving import make_snapshot_apart

UNREADABLE = b"\x00\x00\x00"
"""The CRDT library passes over what stands behind the end of an update."""

pytestmark = pytest.mark.anyio


def _updates() -> list[bytes]:
    made: list[bytes] = []
    doc: Doc[Any] = Doc(client_id=1)
    doc.observe(lambda event: made.append(event.update))
    for number in range(20):
        doc.get("messages", type=Map)[str(number)] = f"number {number} 📊"
    return made


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every doc is a large one."""
    monkeypatch.setattr(compaction, "APART", 0)


async def _filled(log: MemoryLog, updates: list[bytes]) -> None:
    for update in updates:
        await log.append("lobby/0", [update])


def test_D4_a_process_of_its_own_makes_the_same_snapshot() -> None:
    assert make_snapshot_apart(_updates()) == make_snapshot(_updates())


def test_D4_what_a_process_of_its_own_cannot_prove_is_told_without_what_it_says() -> None:
    with pytest.raises(NotEqual, match="nothing can be proven of what cannot be read") as caught:
        make_snapshot_apart([*_updates(), UNREADABLE])
    assert "number" not in str(caught.value)


def test_D4_a_process_that_dies_has_proven_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\nkill -9 $$\n")
    dying.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(dying))
    with pytest.raises(NotEqual, match="-9"):
        make_snapshot_apart(_updates())


@pytest.mark.parametrize("executable", ["", "/there/is/no/python"])
def test_D4_where_there_can_be_no_process_a_thread_proves_it(
    executable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    assert make_snapshot_apart(_updates()) == make_snapshot(_updates())


@pytest.mark.usefixtures("apart")
async def test_D4_a_large_doc_is_compacted_to_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_here(_: object) -> bytes:
        raise AssertionError("a large doc was proven in this process")

    monkeypatch.setattr(compaction, "make_snapshot", not_here)
    async with MemoryLog() as log:
        await _filled(log, _updates())
        assert await compact(log, "lobby/0")
        assert [entry.data for entry in await log.read("lobby/0")] == [make_snapshot(_updates())]


@pytest.mark.usefixtures("apart")
async def test_D4_a_large_doc_that_cannot_be_proven_stays_as_it_is() -> None:
    async with MemoryLog() as log:
        await _filled(log, [*_updates(), UNREADABLE])
        with pytest.raises(NotEqual):
            await compact(log, "lobby/0")
        assert [entry.data for entry in await log.read("lobby/0")] == [*_updates(), UNREADABLE]


@pytest.mark.parametrize("at_once", [2, 3, 7, 19, 20, 21])
async def test_D4_many_entries_are_replaced_in_several_steps(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "AT_ONCE", at_once)
    async with MemoryLog() as log:
        await _filled(log, _updates())
        assert await compact(log, "lobby/0")
        (entry,) = await log.read("lobby/0")
        assert entry.data == make_snapshot(_updates())
        assert entry.seq == (await log.heads())["lobby/0"]
