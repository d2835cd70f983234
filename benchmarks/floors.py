"""The floors below which no server of this kind can be on this machine: the CRDT's apply, one durable write.

The third, a bare fan-out on the same server library, is a peer (benchmarks/bare.py).
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pycrdt import Doc, Map

from benchmarks.load.meter import Result
from benchmarks.load.updates import stream


def apply_us(tokens: int = 2000) -> Result:
    """Microseconds of CPU to apply a token: each alone, and all in one transaction."""
    begin, appends, _ = stream(tokens)
    found: Result = {}
    for name, together in (("apply_alone_us", False), ("apply_together_us", True)):
        doc: Doc[Map[object]] = Doc()
        doc.get("streams", type=Map)
        doc.apply_update(begin)
        found[name] = _cpu_us(_apply_together if together else _apply_each, doc, appends) / tokens
    return found


def _apply_each(doc: Doc[Any], updates: list[bytes]) -> None:
    for update in updates:
        doc.apply_update(update)


def _apply_together(doc: Doc[Any], updates: list[bytes]) -> None:
    with doc.transaction():
        _apply_each(doc, updates)


def fsync_us(times: int = 200) -> Result:
    """Microseconds that one small durable write takes: an fdatasync, and SQLite's commit in WAL FULL."""
    with tempfile.TemporaryDirectory() as folder:
        with open(Path(folder) / "file", "wb", buffering=0) as file:
            start = time.perf_counter()
            for _ in range(times):
                file.write(b"x" * 40)
                os.fdatasync(file.fileno())
            bare_us = (time.perf_counter() - start) / times * 1e6
        database = sqlite3.connect(Path(folder) / "log.sqlite", isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, data BLOB)")
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(times):
            database.execute("INSERT INTO entries (data) VALUES (?)", (b"x" * 40,))
        commit_us = (time.perf_counter() - start) / times * 1e6
        commit_cpu_us = (time.process_time() - cpu) / times * 1e6
        database.close()
    return {"fdatasync_us": bare_us, "commit_us": commit_us, "commit_cpu_us": commit_cpu_us}


def _cpu_us(run: Callable[..., None], *arguments: object) -> float:
    start = time.process_time()
    run(*arguments)
    return (time.process_time() - start) * 1e6
