"""Somebody in a simulated world who may write, and tries to harm what others wrote."""

import random
from collections.abc import Callable, Sequence

import anyio

from syncchat.core.messages import Message, Step2, Update
from syncchat.core.update import ANY, DELETED, GC, Struct, decode
from syncchat.core.update import Update as Decoded
from syncchat.errors import LinkClosed
from syncchat.hub import Hub
from syncchat.testing.client import RawClient, told
from syncchat.testing.updates import cut, gc, item, section, values, whole

CLIENT = 4242
"""The client id that it writes under, where it does not take another's."""

Strike = Callable[[random.Random, Decoded], bytes]


class Intruder:
    """It joins one of `docs` again and again, looks at what is there, and strikes; by chances of its own."""

    def __init__(self, seed: int, docs: Sequence[str], tell: Callable[[str], None]) -> None:
        self._rng = random.Random(f"intruder {seed}")
        self._docs = docs
        self._tell = tell

    async def run(self, hub: Callable[[], Hub | None], token: Callable[[], str]) -> None:
        """Strike every few seconds, until cancelled."""
        while True:
            await anyio.sleep(self._rng.uniform(0, 10))
            here = hub()
            if here is not None:
                await self._intrude(here, token())

    async def _intrude(self, hub: Hub, token: str) -> None:
        async with hub.connect() as link:
            client, doc = RawClient(link, token), self._rng.choice(self._docs)
            client.ask(doc)
            try:
                heard = await client.heard(1)
                name, strike = self._rng.choice(STRIKES)
                client.say(doc, Update(strike(self._rng, decode(_state(heard)))))
                heard = await client.heard(1)
            except LinkClosed:
                return
        rules = [str(why.get("rule")) for why in told([message for _, message in heard])]
        self._tell(f"the intruder tried {name} in {doc}: {', '.join(rules) or 'nobody answered'}")


def _state(heard: list[tuple[str, Message]]) -> bytes:
    return next((message.update for _, message in heard if isinstance(message, Step2)), b"\x00\x00")


# What it tries. Nothing in the doc is its own.


def _some(rng: random.Random, doc: Decoded, *, alive: bool = False) -> Struct | None:
    structs = [s for run in doc.structs.values() for s in run if not alive or s.kind not in (GC, DELETED)]
    return rng.choice(structs) if structs else None


def _advance(rng: random.Random, doc: Decoded) -> bytes:
    found = _some(rng, doc)
    if found is None:
        return whole([])
    last = doc.structs[found.client][-1]
    return whole([section(found.client, last.clock + last.len, [gc(rng.randint(1, 50))])])


def _delete(rng: random.Random, doc: Decoded) -> bytes:
    found = _some(rng, doc, alive=True)
    return whole([], [] if found is None else [cut(found.client, [(found.clock, found.len)])])


def _delete_all(_rng: random.Random, doc: Decoded) -> bytes:
    return whole([], [cut(client, [(0, run[-1].clock + run[-1].len)]) for client, run in doc.structs.items()])


def _overwrite(rng: random.Random, doc: Decoded) -> bytes:
    found = _some(rng, doc, alive=True)
    if found is None:
        return whole([])
    forged = item(ANY, values('{"text":"forged"}'), origin=(found.client, found.clock + found.len - 1))
    return whole([section(CLIENT, 0, [forged])])


def _garble(rng: random.Random, doc: Decoded) -> bytes:
    data = bytearray(doc.data)
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


STRIKES: tuple[tuple[str, Strike], ...] = (
    ("to advance a clock", _advance),
    ("to delete something", _delete),
    ("to delete everything", _delete_all),
    ("to overwrite something", _overwrite),
    ("rubbish", _garble),
)
