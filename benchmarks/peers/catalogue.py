"""The peers: how each is started, by which dialect it is spoken to, and what it promises about disks."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from syncchat.core.packing import ASKED

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("SYNCCHAT_BENCH_CACHE", HERE.parent / ".cache"))
NODE_MODULES = CACHE / "npm" / "node_modules"
PYTHON = CACHE / "python" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Peer:
    """A server to be measured; clients of one that is `paged` follow the pages of its rooms.

    `tidies_after` seconds after its last client has gone, its store is as small as it gets.
    `command` is what starts it, with `{port}` and `{data}` (a folder of its own) to be filled in;
    `url` what clients connect to, `package` the npm or PyPI package whose version is told, `store`
    the npm package it stores with, which has to be compiled where there is none ready-made.
    """

    name: str
    label: str
    dialect: str
    command: tuple[str, ...]
    package: str
    store: str | None = None
    url: str = "ws://127.0.0.1:{port}"
    stores: bool = True
    paged: bool = False
    tidies_after: float = 3.0
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)

    def missing(self) -> str | None:
        """Why it cannot be started; None if it can."""
        program = self.command[0].format(port=0, data="")
        if shutil.which(program) is None and not Path(program).exists():
            return f"{program} is not there: run `make bench-peers`"
        for argument in self.command[1:]:
            if argument.startswith(str(CACHE)) and not Path(argument).exists():
                return f"{argument} is not there: run `make bench-peers`"
        if program == "node":
            for package in filter(None, (self.package, self.store)):
                if not (NODE_MODULES / package).exists():
                    return f"npm could not install {package}: see what `make bench-peers` says"
        return None


def _script(name: str) -> str:
    # node looks for packages beside the script, so that it has to lie in the cache.
    return str(CACHE / "npm" / name)


_SYNCCHAT = (sys.executable, "-m", "syncchat", "serve", "--port", "{port}", "--data", "{data}", "--no-agent")
_ONE_PAGE = ("--limit", "page_messages=1000000000", "--limit", "page_bytes=1000000000")
"""A stock y-websocket client has one doc open, as with any other server."""

_Y_SERVER = ("node", str(NODE_MODULES / "@y" / "websocket-server" / "src" / "server.js"))
_LOCAL = {"HOST": "127.0.0.1", "PORT": "{port}"}

PEERS = (
    Peer(
        "syncchat",
        "syncchat",
        "sync",
        _SYNCCHAT,
        "syncchat",
        url="ws://127.0.0.1:{port}/sync?" + ASKED,
        paged=True,
        tidies_after=75,
    ),
    Peer(
        "syncchat-y",
        "syncchat, /y",
        "y",
        (*_SYNCCHAT, *_ONE_PAGE),
        "syncchat",
        url="ws://127.0.0.1:{port}/y",
        tidies_after=75,
    ),
    Peer(
        "pycrdt",
        "pycrdt-websocket + SQLite",
        "y",
        (str(PYTHON), str(HERE / "pycrdt_server.py"), "{port}", "{data}"),
        "pycrdt-websocket",
    ),
    Peer(
        "y-websocket", "y-websocket", "y", _Y_SERVER, "@y/websocket-server", stores=False, environment=_LOCAL
    ),
    Peer(
        "y-websocket-level",
        "y-websocket + leveldb",
        "y",
        _Y_SERVER,
        "@y/websocket-server",
        store="y-leveldb",
        environment=_LOCAL | {"YPERSISTENCE": "{data}"},
    ),
    Peer(
        "hocuspocus",
        "Hocuspocus",
        "sync",
        ("node", _script("hocuspocus.mjs"), "{port}"),
        "@hocuspocus/server",
        stores=False,
    ),
    Peer(
        "hocuspocus-sqlite",
        "Hocuspocus + SQLite",
        "sync",
        ("node", _script("hocuspocus.mjs"), "{port}", "{data}"),
        "@hocuspocus/server",
        store="@hocuspocus/extension-sqlite",
    ),
    Peer(
        "tinybase",
        "TinyBase + file",
        "tinybase",
        ("node", _script("tinybase.mjs"), "{port}", "{data}"),
        "tinybase",
    ),
    Peer(
        "automerge",
        "automerge-repo + files",
        "automerge",
        ("node", _script("automerge.mjs"), "{port}", "{data}"),
        "@automerge/automerge-repo",
    ),
    Peer(
        "floor",
        "floor: bare sockets",
        "y",
        (sys.executable, "-m", "benchmarks.bare", "{port}"),
        "uvicorn",
        stores=False,
    ),
)
OURS = (*PEERS[:2], PEERS[-1])


def peers(names: str | None = None) -> tuple[Peer, ...]:
    """The peers with these names, separated by commas; all without. Raises KeyError for an unknown one."""
    known = {peer.name: peer for peer in PEERS}
    return PEERS if names is None else tuple(known[name] for name in names.split(","))
