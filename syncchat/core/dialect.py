"""The two dialects on the wire: frames in, messages out, and back; without IO.

`YDialect` is the protocol of y-websocket (y-protocols, PROTOCOL.md): one doc for each socket.
`HocuspocusDialect` is that of Hocuspocus 4: many docs on one socket, each frame headed by its
routing key, with authentication for each doc and a SyncStatus for each update.
"""

from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from syncchat.core.lib0 import Reader, write_var_bytes, write_var_string, write_var_uint
from syncchat.core.messages import (
    Auth,
    Authenticated,
    Awareness,
    Close,
    Denied,
    Message,
    Ping,
    Pong,
    QueryAwareness,
    Stateless,
    Status,
    Step1,
    Step2,
    Update,
)
from syncchat.errors import MalformedUpdate, ProtocolError

MAX_FRAME = 4 << 20
"""The largest frame that a hub takes, in bytes."""

MAX_KEY = 300
"""The longest routing key, in characters: a doc's name and a session id."""

SYNC, AWARENESS, AUTH, QUERY_AWARENESS = 0, 1, 2, 3
SYNC_REPLY, STATELESS, BROADCAST_STATELESS, CLOSE, SYNC_STATUS, PING, PONG = 4, 5, 6, 7, 8, 9, 10
STEP1, STEP2, UPDATE = 0, 1, 2
AUTH_TOKEN, AUTH_DENIED, AUTH_OK = 0, 1, 2


class Frame(NamedTuple):
    """A decoded frame: the routing key of the doc it is about (None: the whole link)."""

    key: str | None
    message: Message


class Dialect(Protocol):
    """How messages become frames on one link."""

    acknowledges: bool
    """Whether each Step2 and Update is answered by a Status."""

    authenticates: bool
    """Whether a client opens each doc by an Auth message."""

    def decode(self, frame: bytes) -> Frame | None:
        """Decode a frame; None for one that is allowed and means nothing to us.

        Raises ProtocolError, whose `key` (if known) says which doc's session it ends.
        """

    def encode(self, key: str, message: Message) -> bytes | None:
        """Encode a message about a doc; None if the dialect has no word for it."""


class BadFrame(ProtocolError):
    """A frame that the dialect does not allow; `key` is the doc it was about, None if none can be told."""

    def __init__(self, reason: str, key: str | None = None) -> None:
        super().__init__(reason)
        self.key = key


def _decode_sync(reader: Reader) -> Message:
    kind = reader.var_uint()
    payload = reader.var_bytes()
    if kind == UPDATE:
        return Update(payload)
    if kind == STEP1:
        return Step1(payload)
    if kind == STEP2:
        return Step2(payload)
    raise MalformedUpdate(f"unknown sync message {kind}")


_SYNCS: Final = (SYNC, SYNC_REPLY)
_SYNCING: Final = (Update, Step1, Step2)
"""The messages that `_encode_sync` is for."""


def _encode_sync(buffer: bytearray, message: Step1 | Step2 | Update) -> None:
    if isinstance(message, Step1):
        kind, payload = STEP1, message.state
    else:
        kind, payload = (UPDATE if isinstance(message, Update) else STEP2), message.update
    buffer += bytes((SYNC, kind))
    write_var_bytes(buffer, payload)


class YDialect:
    """y-websocket: one doc on the link, named by its address; nothing is acknowledged."""

    __slots__ = ("key",)

    acknowledges = False
    authenticates = False

    def __init__(self, key: str) -> None:
        self.key = key

    def decode(self, frame: bytes) -> Frame | None:
        """Decode a frame; raises BadFrame."""
        reader = Reader(frame)
        try:
            message = self._decode(reader, reader.var_uint())
            if message is not None and not reader.done:
                raise MalformedUpdate("bytes behind the end of the message")
        except MalformedUpdate as error:
            raise BadFrame(str(error), self.key) from error
        return None if message is None else Frame(self.key, message)

    def _decode(self, reader: Reader, kind: int) -> Message | None:
        if kind == SYNC:
            return _decode_sync(reader)
        if kind == AWARENESS:
            return Awareness(reader.var_bytes())
        if kind == QUERY_AWARENESS:
            return QueryAwareness()
        if kind == AUTH:  # y-protocols/auth: permission denied and its reason; only servers send it
            reader.var_uint()
            return Denied(reader.var_string())
        raise MalformedUpdate(f"unknown message type {kind}")

    def encode(self, key: str, message: Message) -> bytes | None:
        """Encode a message; None for those that this dialect does not have."""
        buffer = bytearray()
        if isinstance(message, _SYNCING):
            _encode_sync(buffer, message)
        elif isinstance(message, Awareness):
            write_var_uint(buffer, AWARENESS)
            write_var_bytes(buffer, message.entries)
        elif isinstance(message, QueryAwareness):
            write_var_uint(buffer, QUERY_AWARENESS)
        elif isinstance(message, Denied | Stateless):
            # The one text of this dialect: stock clients show it on their console, so no refusal is silent.
            write_var_uint(buffer, AUTH)
            write_var_uint(buffer, 0)
            write_var_string(buffer, message.reason if isinstance(message, Denied) else message.payload)
        else:
            return None
        return bytes(buffer)


@lru_cache(maxsize=1024)
def head(key: str) -> bytes:
    """What a frame about the doc with this routing key begins with."""
    buffer = bytearray()
    write_var_string(buffer, key)
    return bytes(buffer)


@lru_cache(maxsize=2048)
def _status(key: str, ok: bool) -> bytes:
    """The frame with which each update is answered."""
    return head(key) + bytes((SYNC_STATUS, ok))


@lru_cache(maxsize=2048)
def _key_of(name: bytes) -> str:
    """A doc's routing key, as it stands in each frame; raises MalformedUpdate."""
    try:
        key = str(name, "utf-8")
    except UnicodeDecodeError:
        raise MalformedUpdate("a text is not UTF-8") from None
    if len(key) > MAX_KEY:
        raise MalformedUpdate(f"a doc name of more than {MAX_KEY} characters")
    return key


class HocuspocusDialect:
    """Hocuspocus 4: many docs on the link, each opened by a token, each update acknowledged."""

    __slots__ = ()

    acknowledges = True
    authenticates = True

    def decode(self, frame: bytes) -> Frame | None:
        """Decode a frame; raises BadFrame."""
        if frame == b"\x09":
            return Frame(None, Ping())
        if frame == b"\x0a":
            return Frame(None, Pong())
        reader = Reader(frame)
        key: str | None = None
        try:
            key = _key_of(reader.var_bytes())
            message = self._decode(reader, reader.var_uint())
        except MalformedUpdate as error:
            raise BadFrame(str(error), key) from error
        return None if message is None else Frame(key, message)

    def _decode(self, reader: Reader, kind: int) -> Message | None:
        if kind in _SYNCS:
            return _decode_sync(reader)
        if kind == AWARENESS:
            return Awareness(reader.var_bytes())
        if kind == SYNC_STATUS:
            return Status(reader.var_uint() == 1)
        if kind == AUTH:
            return self._decode_auth(reader)
        if kind == QUERY_AWARENESS:
            return QueryAwareness()
        if kind == STATELESS:
            return Stateless(reader.var_string())
        if kind == CLOSE:
            return Close("" if reader.done else reader.var_string())
        if kind in (PING, PONG):
            return Ping() if kind == PING else Pong()
        raise MalformedUpdate(f"unknown message type {kind}")

    def _decode_auth(self, reader: Reader) -> Message:
        kind = reader.var_uint()
        text = reader.var_string()  # a client's version may follow its token; it changes nothing
        if kind == AUTH_TOKEN:
            return Auth(text)
        if kind == AUTH_DENIED:
            return Denied(text)
        if kind == AUTH_OK:
            return Authenticated(text)
        raise MalformedUpdate(f"unknown authentication message {kind}")

    def encode(self, key: str, message: Message) -> bytes | None:
        """Encode a message about the doc with this routing key."""
        if isinstance(message, Status):
            return _status(key, message.ok)
        if isinstance(message, Ping):
            return b"\x09"
        if isinstance(message, Pong):
            return b"\x0a"
        buffer = bytearray(head(key))
        if isinstance(message, _SYNCING):
            _encode_sync(buffer, message)
        else:
            self._encode_other(buffer, message)
        return bytes(buffer)

    def _encode_other(self, buffer: bytearray, message: Message) -> None:
        if isinstance(message, Awareness):
            write_var_uint(buffer, AWARENESS)
            write_var_bytes(buffer, message.entries)
        elif isinstance(message, QueryAwareness):
            write_var_uint(buffer, QUERY_AWARENESS)
        elif isinstance(message, Stateless):
            write_var_uint(buffer, STATELESS)
            write_var_string(buffer, message.payload)
        elif isinstance(message, Close):
            write_var_uint(buffer, CLOSE)
            write_var_string(buffer, message.reason)
        else:
            self._encode_auth(buffer, message)

    def _encode_auth(self, buffer: bytearray, message: Message) -> None:
        write_var_uint(buffer, AUTH)
        if isinstance(message, Auth):
            kind, text = AUTH_TOKEN, message.token
        elif isinstance(message, Denied):
            kind, text = AUTH_DENIED, message.reason
        elif isinstance(message, Authenticated):
            kind, text = AUTH_OK, message.scope
        else:
            raise TypeError(f"no frame for {type(message).__name__}")
        write_var_uint(buffer, kind)
        write_var_string(buffer, text)


DOC_OF_KEY = "\0"


def doc_of_key(key: str) -> str:
    """The doc's name in a routing key: what stands before a NUL is the doc, behind it a session id."""
    return key.partition(DOC_OF_KEY)[0]
