"""Rooms over real docs, and messages made up: what the screen is tried on."""

import itertools
import random
from collections.abc import Callable, Set
from dataclasses import replace
from typing import Any

import pytest
from pycrdt import Doc

from syncchat.clock import ServerClock
from syncchat.core.ids import Hlc
from syncchat.core.message import Message
from syncchat.core.presence import Presence
from syncchat.core.room import Room
from syncchat.core.store import Store
from syncchat.docs import Docs
from syncchat.log import MemoryLog
from syncchat.paged_room import PagedRoom

_NUMBERS = itertools.count()
_HLC = Hlc(lambda: 1_750_000_000_000)


def _how(user: str, waiting: Set[tuple[str, str]], presence: Presence | None) -> dict[str, Any]:
    return {
        "name": "lobby",
        "user": user,
        "hlc": _HLC,
        "rand": lambda: next(_NUMBERS),
        "presence": Presence(1) if presence is None else presence,
        "is_waiting": lambda doc, root, key: (root, key) in waiting,
    }


def _enter(
    store: Store,
    user: str = "alice",
    *,
    waiting: Set[tuple[str, str]] = frozenset(),
    presence: Presence | None = None,
) -> PagedRoom:
    docs = Docs(
        MemoryLog(),
        user=user,
        connect=None,
        dialect="sync",
        token=lambda: user,
        rng=random.Random(1),
        clock=ServerClock(_HLC.next),
    )
    room = PagedRoom(cover=Store(Doc()), docs=docs, **_how(user, waiting, presence))
    room.attach(0, store)
    return room


def _enter_page(store: Store) -> Room:
    room = Room(**_how("alice", frozenset(), None))
    room.attach(0, store)
    return room


@pytest.fixture(scope="session")
def enter() -> Callable[..., PagedRoom]:
    """Enters the room whose one page is a store: (store, user, waiting=rows, presence=) -> PagedRoom."""
    return _enter


@pytest.fixture(scope="session")
def enter_page() -> Callable[[Store], Room]:
    """Enters a room that is no more than the page that a store is: outside of an event loop, too."""
    return _enter_page


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


@pytest.fixture
def store() -> Store:
    """The page of a room."""
    return Store(Doc())
