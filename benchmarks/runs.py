"""How a case is run: a fresh server, the generator's workload on it, and what is looked at afterwards."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.load.client import Failed
from benchmarks.load.meter import Result
from benchmarks.load.workloads import Target, kept, seen_then_killed
from benchmarks.osmeter import disk_bytes, syncs_in
from benchmarks.peers import Peer, Server, running
from benchmarks.peers.catalogue import CACHE

LOAD_SECONDS = 600
NODE_CLIENTS = {"tinybase": "load-tinybase.mjs", "automerge": "load-automerge.mjs"}
"""Peers with a protocol of their own are loaded by their own clients."""

MOST_NODE_READERS = 200

INDEX = "search.sqlite*"
"""The index of our search, which nobody else has and which can be built anew: told beside the store."""


class NotMeasured(Exception):
    """This case cannot be run with this peer; the text says why."""


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
            nothing = _store_bytes(empty)
        with running(peer) as server:
            result = load(server, "store", **options)
            server.stop()
            result["disk_bytes"] = _store_bytes(server)
            server.start()
            if "failed" in result:
                return result
            wanted = int(options["tokens"] or options["messages"])
            there = _kept(server, wanted)
            if there != wanted:
                raise Failed(f"after a stop and a start {there} of {wanted} are there")
            time.sleep(peer.tidies_after)
            server.stop()
            result["compact_disk_bytes"] = _store_bytes(server)
            result["empty_disk_bytes"] = nothing
            grown = _store_bytes(server) - nothing
            result["compact_per_text"] = grown / float(str(result["text_bytes"]))
            if peer.paged:
                result["index_disk_bytes"] = disk_bytes(server.data, INDEX)
            return result

    return run


def _store_bytes(server: Server) -> int:
    return disk_bytes(server.data) - disk_bytes(server.data, INDEX)


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


def scrolled(messages: int, distance: float) -> Callable[[Peer], Result]:
    """Back to the first message of a history that no server has in memory any more."""

    def run(peer: Peer) -> Result:
        if not peer.paged:
            raise NotMeasured("its rooms have no pages: who joins is sent all of it")
        with running(peer) as server:
            _done(load(server, "lay", messages=messages))
            server.stop()
            server.start()
            return load(server, "scroll", messages=messages, distance=distance)

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
