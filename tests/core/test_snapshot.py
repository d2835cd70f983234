"""A snapshot stands for the updates it was made of, or is none (D4)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text

from syncchat.core import snapshot as module
from syncchat.core.snapshot import NotEqual, make_snapshot

EDITS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from("abc"), st.one_of(st.none(), st.text(max_size=5))),
    max_size=25,
)


class Log:
    """Two writers of one doc, and the updates that came of it, in causal order."""

    def __init__(self) -> None:
        self.updates: list[bytes] = []
        self.docs: list[Doc[Any]] = [Doc(client_id=1), Doc(client_id=2)]
        for doc in self.docs:
            doc.observe(lambda event: self.updates.append(event.update))

    def edit(self, writer: int, key: str, value: str | None) -> None:
        doc = self.docs[writer]
        root = doc.get("messages", type=Map)
        with doc.transaction():
            if value is not None:
                root[key] = value
            elif key in root:
                del root[key]


def _read(updates: list[bytes]) -> dict[str, Any]:
    doc: Doc[Any] = Doc()
    for update in updates:
        doc.apply_update(update)
    return dict(doc.get("messages", type=Map).to_py() or {})


def _log() -> list[bytes]:
    log = Log()
    for key in "abc":
        log.edit(0, key, f"{key} 📊")
    log.edit(0, "a", None)
    return log.updates


@given(EDITS)
def test_D4_a_snapshot_reads_as_its_updates_do(edits: list[tuple[int, str, str | None]]) -> None:
    log = Log()
    for edit in edits:
        log.edit(*edit)
    snapshot = make_snapshot(log.updates)
    assert _read([snapshot]) == _read(log.updates)
    assert make_snapshot([snapshot]) == snapshot
    again: Doc[Any] = Doc()
    again.apply_update(snapshot)
    for update in log.updates:
        again.apply_update(update)
    assert again.get_update() == snapshot, "a writer that sends an old update again changes nothing"


def test_D4_a_snapshot_of_a_stream_keeps_text_and_deletions() -> None:
    doc: Doc[Any] = Doc()
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    streams = doc.get("streams", type=Map)
    streams["s"] = Text("one ")
    text = streams["s"]
    text += "two 📊"
    streams["t"] = Text("gone")
    del streams["t"]
    again: Doc[Any] = Doc()
    again.apply_update(make_snapshot(updates))
    assert {key: str(text) for key, text in again.get("streams", type=Map).items()} == {"s": "one two 📊"}


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_D4_what_waits_for_its_predecessors_is_kept_or_nothing_is_replaced(lost: int) -> None:
    updates = _log()
    late = updates.pop(lost)
    try:
        snapshot = make_snapshot(updates)
    except NotEqual:
        return
    assert _read([snapshot, late]) == _read(_log())


@pytest.mark.parametrize("wrong", ["nothing", "older", "undeleted"])
def test_D4_a_snapshot_that_is_wrong_replaces_nothing(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    updates = _log()
    undeleted: Doc[Any] = Doc()
    for update in updates[:3]:
        undeleted.apply_update(update)
    bad = {"nothing": b"\x00\x00", "older": updates[0], "undeleted": undeleted.get_update()}[wrong]

    class Forgetful(Doc[Any]):
        def get_update(self, state: bytes | None = None) -> bytes:
            return bad

    monkeypatch.setattr(module, "Doc", Forgetful)
    with pytest.raises(NotEqual):
        make_snapshot(updates)
