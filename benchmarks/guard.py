"""What the guard costs: a token is read and judged before it may be applied; both are timed side by side."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from pycrdt import Doc

from benchmarks.load.meter import Result
from benchmarks.load.updates import WRITER, Work
from syncchat.core.grant import Role
from syncchat.core.guard import Accept, judge
from syncchat.core.schema import PAGE
from syncchat.core.structs import StructIndex
from syncchat.core.update import MOST, decode

CLIENT_ID = 0x1D_3A5F_27C4_9B61
"""As long as those that are drawn by chance: eight bytes in each update."""

NOW = 2_000_000_000_000


def measure(tokens: int = 3000, messages: int = 256) -> Result:
    """Microseconds, each the median over all tokens of a stream into a page that has so many messages.

    `guard_us` is the decoding and the verdict, `index_us` what the index is told afterwards, and
    `apply_us` what the CRDT library takes to apply the same update.
    """
    page = _Page()
    work = Work(client_id=CLIENT_ID)
    for update in (work.message(1, count=messages), work.begin()):
        page.take(update)
    appends = [work.token(number) for number in range(tokens)]
    page.times.clear()
    for update in appends:
        page.take(update)
    guard, index, apply = (median(column) / 1000 for column in zip(*page.times, strict=True))
    return {"guard_us": guard, "index_us": index, "apply_us": apply, "guard_per_apply": guard / apply}


class _Page:
    """A page behind the guard; `times` are the nanoseconds of guard, index and apply for each update."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc()
        self.index = StructIndex(self.doc.get_update)
        self.index.claim({})
        self.times: list[tuple[int, int, int]] = []

    def take(self, update: bytes, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        index, role = self.index, Role.WRITER
        start = clock()
        verdict = judge(decode(update, most=MOST), index, user=WRITER, role=role, now=NOW, schema=PAGE)
        judged = clock()
        assert isinstance(verdict, Accept)
        self.index.extend(verdict.plan, WRITER)
        told = clock()
        self.doc.apply_update(update)
        self.times.append((judged - start, told - judged, clock() - told))
