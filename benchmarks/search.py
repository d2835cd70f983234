"""Search over a real history: how fast its index is built, how long a search takes, and how far it lags."""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import httpx2

from benchmarks.load.meter import Result
from syncchat.log import SqliteLog
from syncchat.porting.files import Source, import_files
from syncchat.porting.input import Reading
from syncchat.search import LocalSearch
from syncchat.search.reading import heads, read_page
from syncchat.testing.program import Daemon

HISTORY = Path(__file__).parents[2] / "shared" / "data" / "ubuntu-irc" / "history"
"""Logs of a busy channel over years."""

QUERIES = 1000
POSTS = 50
PAGES = 100
"""Pages of which the words are searched for."""

Query = Callable[[], str]


def measure(messages: int) -> Result:
    """Of a room of about so many messages.

    `indexed_per_s`, and `index_bytes` of each; in milliseconds a search in the library (`search_`), one over
    HTTP (`http_`), and how long after the answer to its post a message is found (`lag_`).
    """
    if not HISTORY.is_dir():
        return {"unavailable": f"{HISTORY} is not there"}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "daemon"
        data.mkdir()
        imported = _import(data / "log.sqlite", messages)
        library, queries = anyio.run(_in_the_library, data / "log.sqlite", Path(folder) / "search.sqlite")
        with Daemon(data, "--no-agent") as daemon:
            served = _on_the_daemon(daemon.address.replace("ws:", "http:"), queries)
    return {"messages": imported, **library, **served}


def _import(log: Path, messages: int) -> int:
    files: list[Path] = []
    lines = 0
    for path in sorted(HISTORY.glob("*.raw.txt")):
        if lines < messages:
            files.append(path)
            lines += sum(not line.startswith(b"===") for line in path.read_bytes().splitlines())
    now = time.time_ns() // 1_000_000
    done = import_files(
        log, "ubuntu", Source(tuple(files)), now=now, reading=Reading(), progress=lambda _done, _all: None
    )
    return done.written


async def _in_the_library(log: Path, index: Path) -> tuple[Result, list[str]]:
    async with SqliteLog(log) as handle, LocalSearch(handle, index) as local:
        begun = time.perf_counter()
        await local.update()
        seconds = time.perf_counter() - begun
        count = await local.count()
        queries = list(_queries(await _words(handle)))
        times = []
        for query in queries:
            begun = time.perf_counter()
            await local.search(query)
            times.append(time.perf_counter() - begun)
    size = sum(file.stat().st_size for file in index.parent.glob(f"{index.name}*"))
    return {"indexed_per_s": count / seconds, "index_bytes": size / count} | _of("search", times), queries


async def _words(log: SqliteLog) -> Counter[str]:
    """How often words are said, on some pages."""
    words: Counter[str] = Counter()
    for doc in random.Random(1).sample(sorted(await heads(log)), PAGES):
        page = await read_page(log, doc)
        for text in (page.texts if page is not None else {}).values():
            words.update(word.lower() for word in (text or "").split() if word.isalpha())
    return words


def _queries(words: Counter[str]) -> Iterator[str]:
    """What people search for, and what is dear to find: words that nearly every message has."""
    rng = random.Random(2)
    ranked = [word for word, _ in words.most_common()]
    common, middle, rare = ranked[:30], ranked[30:1000], ranked[1000:]
    kinds: list[Query] = [
        lambda: rng.choice(common),
        lambda: rng.choice(middle),
        lambda: rng.choice(rare),
        lambda: f"{rng.choice(common)} {rng.choice(common)} {rng.choice(middle)}",
        lambda: f'"{rng.choice(common)} {rng.choice(common)}"',
        lambda: f'"{rng.choice(common)} {rng.choice(middle)}"',
        lambda: f"{rng.choice(middle)[:3]}* {rng.choice(common)}",
        lambda: f"author:ubotu {rng.choice(middle)} before:2009-01-01",
        lambda: f"has:link {rng.choice(middle)}",
    ]
    return (rng.choice(kinds)() for _ in range(QUERIES))


def _on_the_daemon(url: str, queries: list[str]) -> Result:
    with httpx2.Client(base_url=url, headers={"authorization": "Bearer ada"}, timeout=60) as client:
        begun = time.perf_counter()
        while not _ask(client, "after:2000-01-01")["complete"]:
            time.sleep(0.1)
        built = time.perf_counter() - begun
        times = [_timed(client, query) for query in queries[: QUERIES // 2]]
        lags = [_lag(client, number) for number in range(POSTS)]
    return {"built_beside_s": built} | _of("http", times) | _of("lag", lags)


def _ask(client: httpx2.Client, query: str) -> dict[str, object]:
    answer = client.get("/api/v1/search", params={"q": query})
    while answer.status_code == 429:  # as often as one user may ask
        time.sleep(float(answer.headers["retry-after"]))
        answer = client.get("/api/v1/search", params={"q": query})
    answer.raise_for_status()
    found: dict[str, object] = answer.json()
    return found


def _timed(client: httpx2.Client, query: str) -> float:
    time.sleep(0.02)  # at the pace that one user may ask in
    begun = time.perf_counter()
    _ask(client, query)
    return time.perf_counter() - begun


def _lag(client: httpx2.Client, number: int) -> float:
    client.post("/api/v1/rooms/ubuntu/messages", json={"text": f"lagging{number}"}).raise_for_status()
    begun = time.perf_counter()
    while not _ask(client, f"lagging{number}")["hits"]:
        time.sleep(0.02)
    return time.perf_counter() - begun


def _of(name: str, seconds: list[float]) -> Result:
    ordered = sorted(seconds)
    return {
        f"{name}_p50_ms": ordered[len(ordered) // 2] * 1e3,
        f"{name}_p99_ms": ordered[int(len(ordered) * 0.99)] * 1e3,
    }
