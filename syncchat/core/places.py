"""Where the elements of a doc sit: the part of yrs's block store that a guard has to know."""

from typing import Final

from syncchat.core.ranges import Run
from syncchat.core.update import Id

Row = tuple[str, str]
"""A root's name and a key in it; the key is empty for what a root holds without one."""

BLOCK: Final = 1024
"""Clocks whose bits share one integer."""


class Place:
    """Where elements sit: in a shared type, under a key or in its sequence.

    `depth` counts the shared types between root and element; `elements` is how many were ever
    put here. `buried`: what was put here last is a tombstone. A doc's index has one object for each
    place, so places are compared by identity.
    """

    __slots__ = ("buried", "depth", "elements", "key", "row")

    def __init__(self, row: Row, key: str | None, depth: int) -> None:
        self.row = row
        self.key = key
        self.depth = depth
        self.elements = 0
        self.buried = False


class Layer:
    """The elements of a doc, or those an update would add to it.

    `runs` has the place of each clock of a client id, None for garbage. `types` has the place of
    each element that is a shared type, `places` the one object for a place by its root's name or
    type's id, and key. `halves` has for each client id the clocks of second halves of UTF-16
    surrogate pairs: yrs turns a text that is cut there into one that other replicas read
    differently or cannot read. A bit stands for a clock, as there may be millions: an integer for
    each `BLOCK` clocks.
    """

    __slots__ = ("halves", "places", "runs", "types")

    def __init__(self) -> None:
        self.runs: dict[int, Run[Place | None]] = {}
        self.types: dict[Id, Place] = {}
        self.places: dict[tuple[str | Id, str | None], Place] = {}
        self.halves: dict[int, dict[int, int]] = {}

    def merge(self, other: "Layer") -> None:
        """Take in a layer that was made on top of this one; `other` is of no use after that."""
        for client, run in other.runs.items():
            known = self.runs.get(client)
            if known is None:
                self.runs[client] = run
            else:
                known.extend(run)
        self.places.update(other.places)
        if other.types:
            self.types.update(other.types)
        for client, halves in other.halves.items():
            mine = self.halves.setdefault(client, {})
            for block, bits in halves.items():
                mine[block] = mine.get(block, 0) | bits

    def clock(self, client: int) -> int:
        """The first clock of a client id that is not here."""
        run = self.runs.get(client)
        return 0 if run is None else run.end

    def cuts(self, client: int, clock: int) -> bool:
        """Whether a cut before `clock` would go through a character."""
        halves = self.halves.get(client)
        return halves is not None and bool(halves.get(clock // BLOCK, 0) >> clock % BLOCK & 1)
