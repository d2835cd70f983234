"""`/metrics`: what the hub and the agents count, in the format of Prometheus.

Labels are rules of the SPEC, names of limits and the operator's agents, never what a user chose: rooms,
names and addresses would make as many series as somebody likes, and tell who talks with whom. All the
same they are for this machine, and for those that the settings name.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv6Address, ip_address, ip_network
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from syncchat.agent import Usage
from syncchat.core.ids import parse_doc
from syncchat.hub import Hub
from syncchat.hub.stats import Histogram, Stats
from syncchat_server.books import Books
from syncchat_server.searching import Search


class Metrics:
    """The counters of one daemon, collected anew whenever somebody in `networks` asks for them."""

    def __init__(self, hub: Hub, books: Books, networks: Iterable[str], search: Search | None = None) -> None:
        self._networks = [ip_network(network) for network in networks]
        self._registry = CollectorRegistry()
        self._registry.register(_Collected(hub, books, search))
        ProcessCollector(registry=self._registry)

    def routes(self) -> list[Route]:
        """`/metrics`, as text or OpenMetrics, whichever is asked for."""
        return [Route("/metrics", self._answer)]

    async def _answer(self, request: Request) -> Response:
        if not self._is_for(request.client.host if request.client else ""):
            return PlainTextResponse("metrics are not for your address: see --allow-metrics\n", 403)
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"content-type": content_type})

    def _is_for(self, address: str) -> bool:
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return found.is_loopback or any(found in network for network in self._networks)


class _Collected(Collector):
    def __init__(self, hub: Hub, books: Books, search: Search | None) -> None:
        self._hub = hub
        self._books = books
        self._search = search

    def collect(self) -> Iterator[Metric]:
        yield from _of_commits(self._hub.stats)
        yield from _of_traffic(self._hub.stats)
        yield from _of_now(self._hub)
        yield from _of_agents(self._books)
        yield from _of_search(self._search)


def _of_commits(stats: Stats) -> Iterator[Metric]:
    yield _counter("commits", "Groups of updates that were made durable together.", stats.commits)
    yield _counter("updates", "Updates that were accepted.", stats.updates)
    yield _histogram("commit_updates", "Updates in each commit.", stats.group_size)
    yield _histogram(
        "acknowledgement_seconds",
        "From taking an update in until it was durable and its sender was told.",
        stats.acknowledged,
    )
    yield _counter("log_failures", "Commits that could not be written.", stats.log_failures)
    yield _labelled("refusals", "Updates refused, by the rule of the SPEC.", "rule", stats.refusals)
    yield _labelled("limits_hit", "How often each limit was met, by its name.", "limit", stats.over_limit)


def _of_traffic(stats: Stats) -> Iterator[Metric]:
    yield _counter("frames_sent", "Frames that commits sent to readers.", stats.frames_out)
    yield _counter("received_bytes", "Bytes of frames received.", stats.bytes_in)
    yield _counter("sent_bytes", "Bytes of frames sent.", stats.bytes_out)
    yield _counter("slow_readers", "How often a reader was found too slow.", stats.slow_readers)


def _of_now(hub: Hub) -> Iterator[Metric]:
    docs = [parse_doc(name) for name in hub.loaded]
    rooms = {doc.room for doc in docs if doc.in_room}
    yield _gauge("rooms_loaded", "Rooms of which a page or the cover is in memory.", len(rooms))
    yield _gauge("docs_loaded", "Docs in memory.", len(docs))
    yield _gauge("connections", "Links being served, those of the daemon's own agents too.", hub.links)
    yield _gauge("sessions", "Docs open on all links together.", hub.sessions)
    yield _gauge("updates_waiting", "Updates taken in whose commit is still to come.", hub.pending)
    yield _gauge("backlog_bytes", "Bytes for readers that the network has not taken yet.", hub.backlog)


def _of_agents(books: Books) -> Iterator[Metric]:
    def each(name: str, help: str, value: Callable[[Usage], float], *, unit: str = "") -> Metric:
        labels = ["agent", "currency"] if unit else ["agent"]
        family = CounterMetricFamily(f"syncchat_agent_{name}", help, labels=labels)
        for agent, usage in sorted(books.usage.items()):
            family.add_metric([agent, unit] if unit else [agent], value(usage))
        return family

    yield each("calls", "Calls of models, the judge's too.", lambda usage: usage.calls)
    yield each("failures", "Calls that gave no whole answer.", lambda usage: usage.failures)
    yield each("tokens_in", "Tokens read, as reported or estimated.", lambda usage: usage.tokens_in)
    yield each("tokens_out", "Tokens written, as reported or estimated.", lambda usage: usage.tokens_out)
    money = "What the tokens cost where the settings have a price."
    yield each("money", money, lambda usage: float(usage.money), unit=books.prices.currency)


def _of_search(search: Search | None) -> Iterator[Metric]:
    searches, waiting = (search.searches, search.pages_waiting) if search is not None else (0, 0)
    yield _counter("searches", "Searches over HTTP.", searches)
    yield _gauge("search_pages_waiting", "Pages that the index of the search still has to read.", waiting)


def _counter(name: str, help: str, value: float) -> Metric:
    return CounterMetricFamily(f"syncchat_{name}", help, value=value)


def _gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(f"syncchat_{name}", help, value=value)


def _labelled(name: str, help: str, label: str, counts: Counter[str]) -> Metric:
    family = CounterMetricFamily(f"syncchat_{name}", help, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _histogram(name: str, help: str, histogram: Histogram) -> Metric:
    bounds = [*(f"{bound:g}" for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))
    return HistogramMetricFamily(f"syncchat_{name}", help, buckets=buckets, sum_value=histogram.total)
