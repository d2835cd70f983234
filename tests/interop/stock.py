"""Stock JavaScript clients as Python objects: one node process, any number of clients in it."""

import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from syncchat.core.ids import format_id
from syncchat.core.room import Room
from syncchat.peer import Peer

HERE = Path(__file__).parent
ROOTS = ("messages", "streams", "reactions", "values")
PATIENCE = 20.0
"""Seconds that something may take on a busy machine; nothing that works takes a tenth of it."""

MAX_LINE = 1 << 24


def missing() -> str | None:
    """Why stock clients cannot be run here; None if they can."""
    if shutil.which("node") is None:
        return "node is not installed"
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    absent = [name for name in wanted if not (HERE / "node_modules" / name / "package.json").is_file()]
    return f"{', '.join(absent)} not in tests/interop/node_modules: run `make node`" if absent else None


@dataclass
class StockClient:
    """What one stock client shows and has said, and what it can be told to do."""

    node: "Node"
    name: str
    roots: dict[str, dict[str, Any]] = field(default_factory=dict)
    states: list[dict[str, Any]] = field(default_factory=list)
    status: str = ""
    renewals: int = 0
    synced: bool = False
    unsynced: int | None = None
    scopes: list[str] = field(default_factory=list)
    denials: list[str] = field(default_factory=list)
    stateless: list[dict[str, Any]] = field(default_factory=list)
    welcomes: list[dict[str, Any]] = field(default_factory=list)
    closes: list[tuple[int | None, str]] = field(default_factory=list)
    gave_up: int | None = None

    @property
    def users(self) -> list[str]:
        """The users it sees present, sorted."""
        return sorted(state["user"] for state in self.states if "user" in state)

    @property
    def texts(self) -> dict[str, str]:
        """The finished messages it shows: id to text."""
        return {row: json.loads(value)["text"] for row, value in self.roots.get("messages", {}).items()}

    @property
    def streams(self) -> dict[str, str]:
        """The messages it sees being written: id to text so far."""
        return self.roots.get("streams", {})

    async def do(self, command: str, **arguments: Any) -> None:
        """Have it do something; returns when it has been done in JavaScript."""
        await self.node.command(self.name, command, **arguments)

    async def post(self, user: str, hlc: int, text: str) -> str:
        """Write a finished message as `user`, with the time `hlc`; returns its id."""
        id = message_id(user, hlc)
        await self.do("set", root="messages", row=id, value=message(text))
        return id

    def hear(self, event: dict[str, Any]) -> None:
        """Take note of an event."""
        match event:
            case {"event": "doc", "roots": roots}:
                self.roots = roots
            case {"event": "people", "states": states}:
                self.states = states
            case {"event": "renewed", "clients": count}:
                self.renewals += count
            case {"event": "status", "status": status}:
                self.status = status
            case {"event": "synced", "synced": synced}:
                self.synced = synced
            case {"event": "unsynced", "number": number}:
                self.unsynced = number
            case {"event": "authenticated", "scope": scope}:
                self.scopes.append(scope)
            case {"event": "denied", "reason": reason}:
                self.denials.append(reason)
            case {"event": "stateless", "payload": payload}:
                told = json.loads(payload)
                (self.welcomes if told.get("syncchat") == "welcome" else self.stateless).append(told)
            case {"event": "close", "code": code, "reason": reason}:
                self.closes.append((code, reason))
                self.synced = False
            case {"event": "gave up", "code": code}:
                self.gave_up = code
            case _:
                raise AssertionError(f"unknown event {event}")


def message_id(user: str, hlc: int) -> str:
    """The id of a message that `user` wrote at `hlc`; a test writes one message for each time."""
    return format_id(hlc, user, hlc % 1000)


def message(text: str) -> str:
    """A row of `messages`, as JSON.stringify would write it."""
    return json.dumps({"text": text}, separators=(",", ":"), ensure_ascii=False)


async def shows(peer: Peer, condition: Callable[[], bool]) -> None:
    """Return when `condition()` holds for our own peer; fails after PATIENCE seconds."""
    try:
        with anyio.fail_after(PATIENCE):
            await peer.until(condition)
    except TimeoutError:
        raise AssertionError(f"waited in vain; {peer.status}") from None


async def sees(room: Room, condition: Callable[[], bool]) -> None:
    """Return when `condition()` holds for who is in our own room; fails after PATIENCE seconds."""
    stir = anyio.Event()
    listening = room.listen_people(lambda _: stir.set())
    try:
        with anyio.fail_after(PATIENCE):
            while not condition():
                await stir.wait()
                stir = anyio.Event()
    except TimeoutError:
        raise AssertionError(f"waited in vain; {room.people}") from None
    finally:
        listening.cancel()


class Node:
    """A node process that runs client.mjs; `said` is what the clients printed on their console."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.said: list[str] = []
        self._clients: dict[str, StockClient] = {}
        self._commands = 0
        self._done = 0
        self._stir = anyio.Event()

    async def open(
        self,
        kind: str,
        server: str,
        doc: str,
        user: str,
        *,
        socket: str | None = None,
        **options: Any,
    ) -> StockClient:
        """Open a doc with a stock provider, "y" or "hocuspocus", and further `options` of it.

        Hocuspocus providers with the same `socket` share one; alone they have one each.
        """
        name = f"{user}#{len(self._clients)}"
        client = self._clients[name] = StockClient(self, name)
        where = {"kind": kind, "server": server, "doc": doc, "user": user, "socket": socket or name}
        await client.do("open", **where, roots=ROOTS, options=options)
        return client

    async def command(self, client: str, command: str, **arguments: Any) -> None:
        """Send a command and wait until it was carried out."""
        self._commands += 1
        number = self._commands
        line = json.dumps({"do": command, "client": client, "number": number, **arguments})
        assert self.process.stdin is not None
        await self.process.stdin.send(line.encode() + b"\n")
        await self.until(lambda: self._done >= number)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when `condition()` holds; it is asked after each event of any client."""
        try:
            with anyio.fail_after(PATIENCE):
                while not condition():
                    await self._stir.wait()
        except TimeoutError:
            raise AssertionError(f"waited in vain; {self.said=} {list(self._clients.values())}") from None

    async def listen(self) -> None:
        """Take in what the process tells, until it ends."""
        assert self.process.stdout is not None
        lines = BufferedByteReceiveStream(self.process.stdout)
        try:
            while True:
                self._hear(json.loads(await lines.receive_until(b"\n", MAX_LINE)))
        except (anyio.IncompleteRead, anyio.EndOfStream, anyio.ClosedResourceError):
            return

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "done":
            self._done = event["number"]
        elif event["event"] == "said":
            self.said.append(event["words"])
        else:
            self._clients[event.pop("client")].hear(event)
        self._stir.set()
        self._stir = anyio.Event()


@asynccontextmanager
async def run_node() -> AsyncIterator[Node]:
    """A node process for stock clients; it is killed when the block is left."""
    async with await anyio.open_process(["node", HERE / "client.mjs"], stderr=None) as process:
        node = Node(process)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(node.listen)
            try:
                yield node
            finally:
                process.kill()
                tasks.cancel_scope.cancel()
