"""A room as files: its pages are given one after another, and their messages are written in order."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from syncchat.porting.jsonl import JsonLinesWriter
from syncchat.porting.markdown import MarkdownWriter
from syncchat.porting.output import Output, whole_file
from syncchat.porting.record import About, Record

MAX_HELD = 2048
"""Messages that are held back for what may still have to stand before them."""


class Writer(Protocol):
    """A format: what is written before, for and behind the messages."""

    def header(self, about: About) -> str:
        """What stands above them."""
        ...

    def record(self, record: Record) -> str:
        """One message."""
        ...

    def end(self, messages: int) -> str:
        """What stands below so many messages."""
        ...


WRITERS: dict[str, Callable[[], Writer]] = {"jsonl": JsonLinesWriter, "markdown": MarkdownWriter}


@contextmanager
def exporting(targets: Sequence[tuple[str, Path]]) -> Iterator["Export"]:
    """Files to write a room to, as (format, target); each is there whole when the block has ended well.

    Raises ExportFailed.
    """
    with ExitStack() as stack:
        outputs = [(WRITERS[form](), stack.enter_context(whole_file(target))) for form, target in targets]
        export = Export(outputs)
        yield export
        export.end()


class Export:
    """Files being written: `begin`, then the pages one after another, then `end`.

    The messages are in the order of their ids as far as pages overlap: one that stands further away than
    MAX_HELD messages is written where its page is.
    """

    def __init__(self, outputs: Sequence[tuple[Writer, Output]]) -> None:
        self.messages = 0
        """How many are written."""
        self._outputs = outputs
        self._held: list[tuple[str, int, Record]] = []
        self._taken = 0
        self._last = ""

    def begin(self, about: About) -> None:
        """Write what stands above the messages."""
        for writer, file in self._outputs:
            file.write(writer.header(about))

    def end(self) -> None:
        """Write what is held back, and what stands below."""
        self._write_up_to(None)
        for writer, file in self._outputs:
            file.write(writer.end(self.messages))

    def page(self, records: Sequence[Record]) -> None:
        """Take the messages of the next page, sorted by id."""
        if not records:
            return
        self._write_up_to(records[0].id)
        for record in records:
            heapq.heappush(self._held, (record.id, self._taken, record))
            self._taken += 1
        while len(self._held) > MAX_HELD:
            self._write(heapq.heappop(self._held)[2])

    def _write_up_to(self, id: str | None) -> None:
        while self._held and (id is None or self._held[0][0] < id):
            self._write(heapq.heappop(self._held)[2])

    def _write(self, record: Record) -> None:
        if record.id == self._last:
            return  # somebody has written it onto two pages
        self._last = record.id
        self.messages += 1
        for writer, file in self._outputs:
            file.write(writer.record(record))
