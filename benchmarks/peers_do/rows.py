"""The rows of the table: a case each, and the words for what came of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.cases import CASES, Case
from benchmarks.load.meter import Result
from benchmarks.load.workloads import Target
from benchmarks.peers import Peer, running
from benchmarks.peers_do import probes

Words = Callable[[dict[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `tell` says in words what a result is."""

    case: Case
    tell: Words


def _case(name: str, title: str, probe: Callable[[Target], Result]) -> Case:
    def run(peer: Peer) -> Result:
        with running(peer) as server:
            return probe(Target(server.url, peer.dialect, server.pid))

    return Case(name, title, run, (), rounds=1)


def _row(name: str, title: str, probe: Callable[..., Any], tell: Words) -> Row:
    return Row(_case(name, title, lambda target: asyncio.run(probe(target))), tell)


def _measured(name: str, title: str, tell: Words) -> Row:
    """A case of the benchmarks that answers the question as it is."""
    there = next(case for case in CASES if case.name == name)
    return Row(Case(name, title, there.run, there.metrics, rounds=1), tell)


def _refusal(result: dict[str, Any]) -> str:
    return "refused, and its sender told" if result["refused"] else "without effect, its sender not told"


def _forged(result: dict[str, Any]) -> str:
    done = [word for name, word in _FORGED.items() if result[name]]
    return f"shown to everybody: {', '.join(done)}" if done else _refusal(result)


_FORGED = {"rewritten": "her message rewritten", "in_her_name": "a new one in her name"}


def _erased(result: dict[str, Any]) -> str:
    return _refusal(result) if result["kept"] else "gone for everybody"


def _swallowed(result: dict[str, Any]) -> str:
    if result["kept"] == result["of"]:
        return f"{_refusal(result)}; {result['kept']} of {result['of']} there"
    told = f", {result['acknowledged']} acknowledged" if result["acknowledged"] else ""
    return f"{result['kept']} of {result['of']} there{told}"


def _garbage(result: dict[str, Any]) -> str:
    said = [f"{result['refused']} of {result['sent']} refused"]
    if result["passed_on"]:
        said.append(f"{result['passed_on']} passed on to everybody")
    if not (result["ada_is_heard"] and result["joiner_is_right"]):
        said.append("then honest people are cut off")
    return ", ".join(said)


def _presence(result: dict[str, Any]) -> str:
    done = [word for word in ("forged", "removed") if result[word]]
    return " and ".join(done) if done else "without effect"


def _boast(result: dict[str, Any]) -> str:
    passed = result["passed_on_bytes"]
    if passed > 100_000:
        return f"passed on to everybody, {passed / 1e6:.1f} MB each"
    return "refused, the session ended" if result["link_ended"] else "not passed on"


def _kept(result: dict[str, Any]) -> str:
    return f"{result['kept']} of {result.get('of', result.get('tries'))} kept"


def _grown(result: dict[str, Any]) -> str:
    return f"+{max(0, result['grown_bytes']) / 1e6:.1f} MB"


def _huge(result: dict[str, Any]) -> str:
    return f"{'link ended' if result['link_ended'] else 'accepted'}, {_grown(result)}"


def _flood(result: dict[str, Any]) -> str:
    taken = f"{result['taken_bytes'] / 1e6:.0f} MB taken"
    return f"{'link ended' if result['link_ended'] else taken}, {_grown(result)}"


ROWS = (
    _row("forge", "mallory rewrites ada's message, and writes one in her name", probes.forge, _forged),
    _row("erase", "mallory deletes ada's message", probes.erase, _erased),
    _row("swallow", "mallory claims ada's next clocks; ada writes 10 messages", probes.swallow, _swallowed),
    _row("garbage", "bytes that are no update, three kinds", probes.garbage, _garbage),
    _row("impersonate", "mallory sets and removes ada's presence", probes.impersonate, _presence),
    _row("boast", "a presence state of 1 MB", probes.boast, _boast),
    _measured("kill", "kill -9 the instant a message is acknowledged or seen", _kept),
    _row("leave", "everybody leaves right after a burst of 300", probes.leave, _kept),
    _measured("slow", "a reader that does not read, 50 MB streamed", _grown),
    _row("huge", "a frame of 50 MB", probes.huge, _huge),
    _row("flood", "50 MB from who has shown no token", probes.flood, _flood),
)
