"""What is measured: each case is one workload with its numbers, run against one peer."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import floors, guard, library, porting
from benchmarks.load.client import Failed
from benchmarks.load.meter import Result
from benchmarks.load.workloads import Target, kept, seen_then_killed
from benchmarks.osmeter import disk_bytes, syncs_in
from benchmarks.peers import Peer, Server, running
from benchmarks.peers.catalogue import CACHE

LOAD_SECONDS = 600
TRIES = 20
NODE_CLIENTS = {"tinybase": "load-tinybase.mjs", "automerge": "load-automerge.mjs"}
"""Peers with a protocol of their own are loaded by their own clients."""

MOST_NODE_READERS = 200
HERD = 500


class NotMeasured(Exception):
    """This case cannot be run with this peer; the text says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """A measurement; `rounds` is how often at most, None for as often as is asked for.

    `metrics` are the numbers of the result that tables show, with their unit and its scale.
    `only` is the one peer it makes sense for.
    """

    name: str
    title: str
    run: Callable[[Peer], Result]
    metrics: tuple[tuple[str, str, float], ...]
    rounds: int | None = None
    short: bool = False
    only: str | None = None


def load(server: Server, workload: str, **options: float) -> Result:
    """Let the generator, a process of its own, put a workload on a server."""
    peer = server.peer
    if peer.dialect in NODE_CLIENTS:
        if options.get("readers", 0) > MOST_NODE_READERS:
            raise NotMeasured(
                f"its client runs more than {MOST_NODE_READERS} readers slower than the server does"
            )
        program = ["node", str(CACHE / "npm" / NODE_CLIENTS[peer.dialect])]
    else:
        program = [sys.executable, "-m", "benchmarks.load", "--dialect", peer.dialect]
        program += ["--paged"] if peer.paged else []
    arguments = [text for name, value in options.items() for text in (f"--{name}", f"{value:.15g}")]
    command = [*program, "--url", server.url, "--pid", str(server.pid), "--workload", workload, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LOAD_SECONDS, check=False)
    if done.returncode != 0 or not done.stdout.strip():  # node ends with 0 when nothing can happen any more
        return {"failed": f"the generator ended with {done.returncode}: {done.stderr.strip()[-200:]}"}
    result: Result = json.loads(done.stdout)
    if "unavailable" in result:
        raise NotMeasured(str(result["unavailable"]))
    return result


def _kept(server: Server, wanted: int) -> int:
    """How many of the `wanted` messages or tokens somebody is shown who joins now. Raises Failed."""
    if server.peer.dialect in NODE_CLIENTS:
        return int(str(_done(load(server, "kept", wanted=wanted))["kept"]))
    peer = server.peer
    return asyncio.run(kept(Target(server.url, peer.dialect, paged=peer.paged), wanted=wanted))


def _strike(server: Server, number: int) -> None:
    """Kill the server the instant a message is acknowledged or seen. Raises Failed."""
    if server.peer.dialect in NODE_CLIENTS:
        _done(load(server, "strike"))
    else:
        asyncio.run(seen_then_killed(Target(server.url, server.peer.dialect, server.pid), number))


def _done(result: Result) -> Result:
    if "failed" in result:
        raise Failed(str(result["failed"]))
    return result


# What is run.


def loaded(workload: str, **options: float) -> Callable[[Peer], Result]:
    """One workload on a fresh server."""

    def run(peer: Peer) -> Result:
        with running(peer) as server:
            return load(server, workload, **options)

    return run


def stored(**options: float) -> Callable[[Peer], Result]:
    """The disk after a workload, and again after the server had its chance to compact."""

    def run(peer: Peer) -> Result:
        _needs_store(peer)
        with running(peer) as empty:
            empty.stop()
            nothing = disk_bytes(empty.data)
        with running(peer) as server:
            result = load(server, "store", **options)
            server.stop()
            result["disk_bytes"] = disk_bytes(server.data)
            server.start()
            if "failed" in result:
                return result
            wanted = int(options["tokens"] or options["messages"])
            there = _kept(server, wanted)
            if there != wanted:
                raise Failed(f"after a stop and a start {there} of {wanted} are there")
            time.sleep(peer.tidies_after)
            server.stop()
            result["compact_disk_bytes"] = disk_bytes(server.data)
            result["empty_disk_bytes"] = nothing
            grown = disk_bytes(server.data) - nothing
            result["compact_per_text"] = grown / float(str(result["text_bytes"]))
            return result

    return run


def synced(updates: int, rate: float) -> Callable[[Peer], Result]:
    """Calls of fsync for each update at a pace, counted by strace."""

    def run(peer: Peer) -> Result:
        _needs_store(peer)
        with tempfile.TemporaryDirectory() as folder:
            trace = Path(folder) / "trace"
            with running(peer, trace=trace) as server:
                before = syncs_in(trace)
                result = load(server, "rooms", rooms=1, rate=rate, count=updates)
                return {"fsyncs_per_update": (syncs_in(trace) - before) / updates, **_failure(result)}

    return run


def joined(messages: int, joiners: int, *, alone: bool = True) -> Callable[[Peer], Result]:
    """Joining a history: `alone`, warm and the first after a restart; and in a herd of `joiners`, if any."""

    def run(peer: Peer) -> Result:
        with running(peer) as server:
            laid = load(server, "lay", messages=messages)
            if "failed" in laid:
                return laid
            found: Result = {}
            if alone:
                warm = load(server, "first", messages=messages)
                if "failed" in warm:
                    return {"failed": f"once everybody has left, the room is lost: {warm['failed']}"}
                found = _prefixed("warm", warm)
            if joiners:
                found |= _prefixed("herd", load(server, "herd", messages=messages, joiners=joiners))
            if alone and peer.stores:
                server.stop()
                server.start()
                found |= _prefixed("cold", load(server, "first", messages=messages))
            if peer.paged:
                _done(load(server, "whole", messages=messages))
            return found

    return run


def killed(tries: int) -> Callable[[Peer], Result]:
    """kill -9 at the instant a message is acknowledged or seen by another client: how often is it kept."""

    def run(peer: Peer) -> Result:
        _needs_store(peer)
        survived = 0
        for number in range(tries):
            with running(peer) as server:
                _strike(server, number)
                server.kill()
                server.start()
                survived += _kept(server, 1)
        return {"kept": survived, "tries": tries}

    return run


def _needs_store(peer: Peer) -> None:
    if not peer.stores:
        raise NotMeasured("it has no store")


def _failure(result: Result) -> Result:
    return {"failed": result["failed"]} if "failed" in result else {}


def _prefixed(word: str, result: Result) -> Result:
    return {f"{word}_{name}": value for name, value in result.items()}


# The cases.

_TOKEN = (("cpu_us_per_token", "µs CPU/token", 1.0), ("p50_ms", "p50 ms", 1.0), ("p99_ms", "p99 ms", 1.0))
_TAIL = (*_TOKEN, ("p999_ms", "p99.9 ms", 1.0), ("bytes_in", "kB on the wire", 1e-3))
_UPDATE = (("cpu_us_per_update", "µs CPU/update", 1.0), ("p50_ms", "p50 ms", 1.0), ("p99_ms", "p99 ms", 1.0))
_DISK = (
    ("disk_bytes", "kB", 1e-3),
    ("compact_disk_bytes", "kB compacted", 1e-3),
    ("compact_per_text", "x text, beyond an empty store", 1.0),
)
_JOIN = (
    ("warm_bytes_each", "kB", 1e-3),
    ("warm_join_s", "s warm", 1.0),
    ("cold_join_s", "s cold", 1.0),
    ("cold_shown_empty_first", "empty first", 1.0),
    ("warm_apply_cpu_ms", "ms CPU of the client", 1.0),
    ("cold_grown_bytes", "MB the server grew cold", 1e-6),
    ("herd_join_s", "s herd", 1.0),
    ("herd_server_cpu_s", "s CPU herd", 1.0),
)
_AWAY = (("difference_bytes", "B down", 1.0), ("server_cpu_s", "s CPU", 1.0))


def _fanouts() -> list[Case]:
    cases = []
    for readers, tokens in ((10, 500), (50, 500), (200, 500), (1000, 200)):
        for rate, pace, count in ((0, "burst", tokens), (50, "50/s", 100)):
            cases.append(
                Case(
                    f"fanout-{readers}-{'burst' if not rate else 'paced'}",
                    f"1 writer, {readers} readers, {pace}",
                    loaded("fanout", readers=readers, tokens=count, rate=rate),
                    _TAIL,
                    short=readers == 200,
                )
            )
    return cases


def _joins() -> list[Case]:
    return [
        *(
            Case(
                f"join-{messages}",
                f"join {messages:,} messages, herd of {HERD}",
                joined(messages, HERD),
                _JOIN,
                short=messages == 1000,
            )
            for messages in (1000, 10_000)
        ),
        Case("join-100000", "join 100,000 messages", joined(100_000, 0), _JOIN),
        Case(
            "herd-100000",
            f"join 100,000 messages, herd of {HERD}",
            joined(100_000, HERD, alone=False),
            _JOIN,
        ),
        Case("join-1000000", "join 1,000,000 messages", joined(1_000_000, 0), _JOIN),
    ]


CASES = (
    *_fanouts(),
    Case(
        "rooms-200",
        "200 rooms x 2 clients, 1,000 updates/s",
        loaded("rooms", rooms=200, rate=1000, count=4000),
        _UPDATE,
        short=True,
    ),
    Case(
        "rooms-2000",
        "2,000 rooms x 2 clients, 1,000 updates/s",
        loaded("rooms", rooms=2000, rate=1000, count=4000),
        (*_UPDATE, ("memory_bytes", "MB memory", 1e-6)),
    ),
    *(
        Case(
            f"idle-{count}",
            f"{count:,} idle connections, each in a room of its own",
            loaded("idle", connections=count),
            (("bytes_per_connection", "kB each", 1e-3), ("memory_bytes", "MB memory", 1e-6)),
            short=count == 1000,
        )
        for count in (100, 300, 1000)
    ),
    Case(
        "disk-messages",
        "10,000 messages of 80 characters",
        stored(messages=10_000, tokens=0),
        _DISK,
    ),
    Case("disk-tokens", "2,000 streamed tokens", stored(messages=0, tokens=2000), _DISK),
    Case(
        "syncs",
        "fsyncs at 50 messages/s",
        synced(100, 50),
        (("fsyncs_per_update", "fsyncs/update", 1.0),),
    ),
    Case(
        "kill",
        "kill -9 the instant a message is acknowledged or seen",
        killed(TRIES),
        (("kept", "kept of 20", 1.0),),
        rounds=1,
    ),
    Case(
        "slow",
        "a reader that does not read, 50 MB",
        loaded("slow", megabytes=50),
        (("grown_bytes", "MB grown", 1e-6), ("caught_up_with_bytes", "MB to catch up", 1e-6)),
    ),
    Case(
        "away",
        "back with 100 messages, 100 missed",
        loaded("away", messages=1000, missed=100),
        _AWAY,
        short=True,
    ),
    Case(
        "library",
        "the library alone",
        lambda _peer: library.measure(),
        (
            ("post_us", "µs post", 1.0),
            ("apply_us", "µs apply", 1.0),
            ("open_ms", "ms open 1,000", 1.0),
            ("stream_us_per_token", "µs/token", 1.0),
            ("agent_us_per_token", "µs/token of the agent", 1.0),
        ),
        short=True,
        only="syncchat",
    ),
    Case(
        "guard",
        "a token append, read and judged before it is applied; medians",
        lambda _peer: guard.measure(),
        (
            ("guard_us", "µs decode and judge", 1.0),
            ("index_us", "µs index", 1.0),
            ("apply_us", "µs apply", 1.0),
            ("guard_per_apply", "x apply", 1.0),
        ),
        short=True,
        only="syncchat",
    ),
    Case(
        "porting",
        "100,000 messages of IRC imported, and exported again",
        lambda _peer: porting.measure(),
        (
            ("import_per_s", "messages/s imported, durable", 1.0),
            ("export_per_s", "messages/s exported", 1.0),
            ("log_per_text", "x (text + 60 B a message) on disk", 1.0),
        ),
        only="syncchat",
    ),
    Case(
        "floors",
        "floors of this machine",
        lambda _peer: {**floors.apply_us(), **floors.fsync_us()},
        (
            ("apply_alone_us", "µs apply a token", 1.0),
            ("apply_together_us", "µs in one transaction", 1.0),
            ("fdatasync_us", "µs fdatasync", 1.0),
            ("commit_us", "µs SQLite commit", 1.0),
            ("commit_cpu_us", "µs CPU of it", 1.0),
        ),
        short=True,
        only="syncchat",
    ),
    *_joins(),
)
