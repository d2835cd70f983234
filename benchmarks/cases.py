"""What is measured: each case is one workload with its numbers, run against one peer."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import compacting, floors, guard, library, porting, replying, search
from benchmarks.load.meter import Result
from benchmarks.peers import Peer
from benchmarks.runs import joined, killed, loaded, scrolled, stored, synced

TRIES = 20
HERD = 500


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


_TOKEN = (("cpu_us_per_token", "µs CPU/token", 1.0), ("p50_ms", "p50 ms", 1.0), ("p99_ms", "p99 ms", 1.0))
_TAIL = (*_TOKEN, ("p999_ms", "p99.9 ms", 1.0), ("bytes_in", "kB on the wire", 1e-3))
_UPDATE = (("cpu_us_per_update", "µs CPU/update", 1.0), ("p50_ms", "p50 ms", 1.0), ("p99_ms", "p99 ms", 1.0))
_DISK = (
    ("disk_bytes", "kB", 1e-3),
    ("compact_disk_bytes", "kB compacted", 1e-3),
    ("compact_per_text", "x text, beyond an empty store", 1.0),
    ("index_disk_bytes", "kB of index for the search", 1e-3),
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


def _scrolls() -> list[Case]:
    return [
        Case(
            f"scroll-{round(2000 * distance)}",
            f"scrolling back through 50,000 messages, {1000 * distance:g} ms each way",
            scrolled(50_000, distance),
            (
                ("p50_ms", "p50 ms a page", 1.0),
                ("p99_ms", "p99 ms", 1.0),
                ("client_cpu_ms", "ms CPU of the client", 1.0),
            ),
        )
        for distance in (0.01, 0.02)
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
        "replying",
        "an agent's answer, 50 tokens/s, 50 readers",
        lambda _peer: replying.measure(),
        (
            ("heard_p99_ms", "p99 ms from the model to a client", 1.0),
            ("drawn_p99_ms", "p99 ms until it is drawn", 1.0),
            ("agent_us_per_token", "µs CPU/token of the agent", 1.0),
            ("daemon_us_per_token", "µs CPU/token of the daemon", 1.0),
            ("bytes_per_token", "B/token for a reader", 1.0),
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
        "compaction",
        "an append while another doc is compacted",
        lambda _peer: compacting.measure(),
        (
            ("page_wait_ms", "ms at most beside a page", 1.0),
            ("long_wait_ms", "ms at most beside 5,000 to 50,000 messages in one doc", 1.0),
        ),
        short=True,
        only="syncchat",
    ),
    Case(
        "search",
        "a search over 100,000 messages of IRC",
        lambda _peer: search.measure(100_000),
        (
            ("search_p99_ms", "p99 ms in the library", 1.0),
            ("http_p99_ms", "p99 ms over HTTP", 1.0),
            ("lag_p99_ms", "p99 ms until a post is found", 1.0),
            ("indexed_per_s", "messages/s indexed", 1.0),
            ("index_bytes", "B a message", 1.0),
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
    *_scrolls(),
)
