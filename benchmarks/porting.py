"""What an import and an export cost: 100,000 messages of real chat, or made-up ones where that is missing."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.load.meter import Result
from syncchat.porting.files import Source, import_files
from syncchat.porting.input import Reading
from syncchat.porting.reading import export_local

HISTORY = Path(__file__).parents[2] / "shared" / "data" / "ubuntu-irc" / "history"
ROOM = "ubuntu"
NOW = 2_000_000_000_000
MADE_UP = "2005-02-06.log"

PER_MESSAGE = 60
"""Bytes of a message beside its text that the log is held against."""


def measure(messages: int = 100_000) -> Result:
    """Messages a second, read, sorted and durable, and written again; bytes of the log for each of text.

    `log_per_text` is the log over its messages' texts and PER_MESSAGE bytes for each of them.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log, target = folder / "log.sqlite", folder / "room.jsonl"
        source = Source(list(_logs(folder, messages)))
        imported = _seconds(
            lambda: import_files(log, ROOM, source, now=NOW, reading=Reading(), progress=lambda *_: None)
        )
        exported = _seconds(lambda: export_local(log, ROOM, [("jsonl", target)], lambda *_: None))
        count, text = _texts(target)
        return {
            "messages": count,
            "import_per_s": count / imported,
            "export_per_s": count / exported,
            "log_bytes": log.stat().st_size,
            "log_per_text": log.stat().st_size / (text + PER_MESSAGE * count),
        }


def _logs(folder: Path, messages: int) -> Iterator[Path]:
    """Logs with about so many messages, in the order of their days."""
    if not HISTORY.is_dir():
        yield _made_up(folder / MADE_UP, messages)
        return
    for file in sorted(HISTORY.iterdir()):
        if messages > 0:
            messages -= file.read_bytes().count(b"] <")
            yield file


def _made_up(file: Path, messages: int) -> Path:
    with file.open("w", encoding="utf-8") as log:
        for number in range(messages):
            hour, minute = divmod(number // 100, 60)
            said = f"<user{number % 997}> {number * 7919} is what I say"
            log.write(f"[{hour % 24:02d}:{minute:02d}] {said}\n")
    return file


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _texts(exported: Path) -> tuple[int, int]:
    """How many messages an export has, and how many bytes their texts are."""
    count = size = 0
    with exported.open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            if "id" in line:
                count += 1
                size += len(line.get("text", "").encode())
    return count, size
