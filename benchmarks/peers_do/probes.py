"""The probes: each does one thing that nobody should get away with, and says what came of it."""

import asyncio

from pycrdt import Map

from benchmarks.load import updates
from benchmarks.load.client import Client, Failed
from benchmarks.load.crowd import join
from benchmarks.load.meter import Result
from benchmarks.load.updates import CLIENT_ID
from benchmarks.load.wire import Wire
from benchmarks.load.workloads import ROOM, Target, speaking
from benchmarks.peers_do.people import MALLORY_ID, SETTLE, Watcher, pour, scene, silent_wire
from syncchat.core.ids import format_id
from syncchat.core.messages import Awareness, Update
from syncchat.core.presence import Entry, encode
from syncchat.core.update import STRING
from syncchat.testing.updates import gc, item, text, update

FIRST = format_id(1_700_000_000_000, updates.WRITER, 0)
BURST = 300
HUGE = 50_000_000
PART = 100_000
GARBAGE = {
    "an update without structs where one is told": b"\x01\x01\x07",
    "random bytes": bytes(range(255, 0, -1)),
    "a struct of no length": update((7, 0, [item(STRING, text(""), parent="messages", key="x")])),
}


@speaking
async def forge(link: Wire, target: Target) -> Result:
    """Mallory writes over ada's message, and a new one in her name."""
    people = await scene(link, target)
    another = updates.Work(MALLORY_ID + 1)  # so that one does not wait for the other
    await people.say(people.mallory, people.forgery.edit(666, 80), another.message(667))
    eve = await people.newcomer()
    heard = people.bob.bytes_heard + eve.bytes_heard
    return {
        "rewritten": b"~000666" in heard,
        "in_her_name": b"~000667" in heard,
        "refused": people.mallory.refused,
    }


@speaking
async def erase(link: Wire, target: Target) -> Result:
    """Mallory deletes ada's message."""
    people = await scene(link, target)
    doc = people.forgery.doc
    state = doc.get_state()
    del doc.get("messages", type=Map)[FIRST]
    await people.say(people.mallory, doc.get_update(state))
    eve = await people.newcomer()
    return {"kept": b"~000000" in eve.bytes_heard, "refused": people.mallory.refused}


@speaking
async def swallow(link: Wire, target: Target) -> Result:
    """Mallory claims the next thousand clocks of ada's client id; then ada writes ten messages."""
    people = await scene(link, target)
    await people.say(people.mallory, update((CLIENT_ID, 1, [gc(1000)])))
    before = people.ada.acknowledged
    await people.say(people.ada, *(people.work.message(number) for number in range(1, 11)))
    eve = await people.newcomer()
    found = {number for number in updates.NUMBER.findall(eve.bytes_heard) if int(number)}
    return {
        "kept": len(found),
        "of": 10,
        "acknowledged": people.ada.acknowledged - before,
        "refused": people.mallory.refused,
    }


@speaking
async def garbage(link: Wire, target: Target) -> Result:
    """Bytes that are no update, each from a link of its own; then ada writes, and somebody joins."""
    people = await scene(link, target)
    refused = passed_on = 0
    for name, data in GARBAGE.items():
        vandal = Client(link, ROOM)
        await join([(vandal, name.replace(" ", "-"))], target.url)
        await people.say(vandal, data)
        refused += bool(vandal.refused or vandal.failure)
        passed_on += data in (people.bob.updates or [])
    await people.say(people.ada, people.work.message(1))
    heard = b"~000001" in people.bob.bytes_heard
    eve = await people.newcomer()
    return {
        "sent": len(GARBAGE),
        "refused": refused,
        "passed_on": passed_on,
        "ada_is_heard": heard and people.ada.failure is None,
        "joiner_is_right": b"~000000" in eve.bytes_heard and b"~000001" in eve.bytes_heard,
    }


def _presence(link: Wire, client: int, clock: int, state: str) -> bytes:
    return link.frame(ROOM, Awareness(encode([Entry(client, clock, state)])))


@speaking
async def impersonate(link: Wire, target: Target) -> Result:
    """Mallory sets ada's presence to something else, and then removes it."""
    people = await scene(link, target)
    people.ada.say(_presence(link, CLIENT_ID, 1, '{"user":{"name":"ada"}}'))
    await asyncio.sleep(SETTLE)
    if not any(b"ada" in entries for entries in people.bob.presence):
        raise Failed("honest presence is not passed on")
    people.bob.presence.clear()
    people.mallory.say(_presence(link, CLIENT_ID, 2, '{"user":{"name":"forged"}}'))
    await asyncio.sleep(SETTLE)
    forged = any(b"forged" in entries for entries in people.bob.presence)
    people.bob.presence.clear()
    people.mallory.say(_presence(link, CLIENT_ID, 3, "null"))
    await asyncio.sleep(SETTLE)
    removed = any(b"null" in entries for entries in people.bob.presence)
    return {"forged": forged, "removed": removed}


@speaking
async def boast(link: Wire, target: Target) -> Result:
    """A presence state of a megabyte."""
    people = await scene(link, target)
    people.mallory.say(_presence(link, MALLORY_ID, 1, '{"user":{"name":"mallory"}}'))
    await asyncio.sleep(SETTLE)
    if not any(b"mallory" in entries for entries in people.bob.presence):
        raise Failed("honest presence is not passed on")
    people.bob.presence.clear()
    people.mallory.say(_presence(link, MALLORY_ID, 2, '{"user":{"name":"' + "x" * 1_000_000 + '"}}'))
    await asyncio.sleep(2 * SETTLE)
    return {
        "passed_on_bytes": sum(map(len, people.bob.presence)),
        "link_ended": people.mallory.failure is not None,
    }


@speaking
async def leave(link: Wire, target: Target) -> Result:
    """A burst of messages, and everybody leaves in the same instant; somebody comes three seconds later."""
    writer, reader = Client(link, ROOM), Client(link, ROOM)
    await join([(writer, updates.WRITER), (reader, "bob")], target.url)
    writer.say(b"".join(link.frame(ROOM, Update(one)) for one in updates.messages(BURST)))
    for client in (writer, reader):
        client.transport.close()
    await asyncio.sleep(3)
    eve = Watcher(link, ROOM)
    await join([(eve, "eve")], target.url)
    await asyncio.sleep(2 * SETTLE)
    return {"kept": len(set(updates.NUMBER.findall(eve.bytes_heard))), "of": BURST}


@speaking
async def huge(link: Wire, target: Target) -> Result:
    """One frame of 50 MB."""
    people = await scene(link, target)
    frame = link.frame(ROOM, Update(people.forgery.edit(666, HUGE)))
    assert target.pid is not None, "memory is that of a process of this machine"
    _, grown = await pour(people.mallory, [frame], target.pid, 10)
    return {"grown_bytes": grown, "link_ended": people.mallory.failure is not None}


@speaking
async def flood(link: Wire, target: Target) -> Result:
    """50 MB from somebody who has shown no token and asked for nothing."""
    people = await scene(link, target)
    stranger = Client(silent_wire(target.dialect), ROOM)
    link.clients.append(stranger)
    await stranger.open(target.url, "mallory")
    await asyncio.sleep(SETTLE)
    made = [link.frame(ROOM, Update(people.forgery.edit(666, PART))) for _ in range(HUGE // PART)]
    assert target.pid is not None, "memory is that of a process of this machine"
    taken, grown = await pour(stranger, made, target.pid, 20)
    return {"taken_bytes": taken, "grown_bytes": grown, "link_ended": stranger.failure is not None}
