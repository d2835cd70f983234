"""The work, the same for every server: updates of our schema, made beforehand.

Each message and each token carries its number, so that whoever hears it knows which it is.
"""

import json
import re
from collections.abc import Iterable
from functools import partial

from pycrdt import Doc, Map, Text, TransactionEvent

from syncchat.core.ids import format_id

WRITER = "ada"
CLIENT_ID = 1001
NUMBER = re.compile(rb"~(\d{6})")
TOKEN = "~{:06d}"
"""Seven bytes: a word and its space."""

_START = 1_700_000_000_000


class Work:
    """A doc that is written beforehand: each method returns the update it made."""

    def __init__(self, client_id: int = CLIENT_ID) -> None:
        self.doc: Doc[Map[object]] = Doc(client_id=client_id)
        self._messages = self.doc.get("messages", type=Map)
        self._streams = self.doc.get("streams", type=Map)
        self._made = b""
        self._watching = self.doc.observe(self._keep)

    def _keep(self, event: TransactionEvent) -> None:
        self._made = event.update

    def message(self, number: int, size: int = 80, count: int = 1) -> bytes:
        """Messages from this number on, of `size` characters each, in one update."""
        with self.doc.transaction():
            for one in range(number, number + count):
                text = TOKEN.format(one).ljust(size, "x")
                self._messages[_id(one)] = json.dumps({"text": text}, separators=(",", ":"))
        return self._made

    def edit(self, number: int, size: int) -> bytes:
        """The first message, edited to say its edit's number and to be `size` characters long."""
        self._messages[_id(0)] = json.dumps({"text": TOKEN.format(number).ljust(size, "x")})
        return self._made

    def begin(self, number: int = 0) -> bytes:
        """A message that is going to be streamed."""
        self._streams[_id(number)] = Text()
        return self._made

    def token(self, index: int, number: int = 0) -> bytes:
        """The next token of a stream."""
        stream = self._streams[_id(number)]
        assert isinstance(stream, Text)
        stream += TOKEN.format(index)
        return self._made

    def finish(self, number: int = 0) -> bytes:
        """The end of a stream: it becomes a message, in one transaction."""
        text = str(self._streams[_id(number)])
        with self.doc.transaction():
            self._messages[_id(number)] = json.dumps({"text": text}, separators=(",", ":"))
            del self._streams[_id(number)]
        return self._made


def messages(count: int, size: int = 80) -> list[bytes]:
    """An update for each of `count` messages."""
    work = Work()
    return [work.message(number, size) for number in range(count)]


def stream(tokens: int) -> tuple[bytes, list[bytes], bytes]:
    """The beginning of a streamed message, each of its tokens, and its end."""
    work = Work()
    begin = work.begin()
    appends = [work.token(index) for index in range(tokens)]
    return begin, appends, work.finish()


def digest(doc: Doc[Map[object]]) -> dict[str, dict[str, str]]:
    """What a doc says, as it can be compared."""
    read = partial(doc.get, type=Map)
    return {
        "messages": {key: str(value) for key, value in read("messages").items()},
        "streams": {key: str(value) for key, value in read("streams").items()},
    }


def numbers(updates: list[bytes]) -> int:
    """How many different messages or tokens a doc has that has taken in these updates."""
    texts = (text for rows in said_by(updates).values() for text in rows.values())
    return len({number for text in texts for number in NUMBER.findall(text.encode())})


def said_by(updates: Iterable[bytes]) -> dict[str, dict[str, str]]:
    """What a doc says that has taken in these updates."""
    return digest(made_of(updates))


def state_of(updates: Iterable[bytes]) -> bytes:
    """The state vector of a doc that has taken in these updates."""
    return made_of(updates).get_state()


def made_of(updates: Iterable[bytes]) -> Doc[Map[object]]:
    """A doc that has taken in these updates."""
    doc: Doc[Map[object]] = Doc()
    for update in updates:
        doc.apply_update(update)
    return doc


def _id(number: int) -> str:
    return format_id(_START + number, WRITER, number)
