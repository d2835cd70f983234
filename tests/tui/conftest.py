"""Rooms over real docs, and messages made up: what the screen is tried on."""

import itertools
from collections.abc import Callable, Set
from dataclasses import replace
from typing import Any

import pytest

from syncchat.core.ids import Hlc
from syncchat.core.message import Message
from syncchat.core.presence import Presence
from syncchat.core.room import Room
from syncchat.core.store import Store

_NUMBERS = itertools.count()
_HLC = Hlc(lambda: 1_750_000_000_000)


def _enter(
    store: Store,
    user: str = "alice",
    *,
    waiting: Set[tuple[str, str]] = frozenset(),
    presence: Presence | None = None,
) -> Room:
    room = Room(
        "lobby",
        user,
        hlc=_HLC,
        rand=lambda: next(_NUMBERS),
        presence=Presence(1) if presence is None else presence,
        is_waiting=lambda doc, root, key: (root, key) in waiting,
    )
    room.attach(0, store)
    return room


@pytest.fixture(scope="session")
def enter() -> Callable[..., Room]:
    """Enters the room whose page 0 is a store: (store, user, waiting=rows, presence=) -> Room."""
    return _enter


@pytest.fixture(scope="session")
def message() -> Callable[..., Message]:
    """Makes a finished, durable message; any field can be given."""

    def make(text: str = "hello", **fields: Any) -> Message:
        return replace(_MESSAGE, text=text, **fields)

    return make


_MESSAGE = Message(
    id="0000000001.alice.00000000",
    hlc=1,
    user="alice",
    text="hello",
    streaming=False,
    re=None,
    edited=None,
    deleted=False,
    agent=False,
    state=None,
    reactions={},
    durable=True,
)
