"""Claims: of all that the processes of one agent write for one message, one answer stays (A8)."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from syncchat import Room
from syncchat.agent.claims import Claim, Claims, read_claim
from syncchat.core.asking import Asked
from syncchat.core.stream import Stream
from syncchat.peer import Peer
from syncchat.testing.agent_world import World
from syncchat.testing.loop import run
from syncchat.testing.server import MemoryServer


class Process:
    """One process of the agent, with a replica of its own."""

    def __init__(self, peer: Peer, room: Room, name: str, fence: int) -> None:
        self.peer = peer
        self.room = room
        self.claims = Claims(room, name, fence)
        self.told = 0
        self.claims.listen(self._hear)

    def _hear(self) -> None:
        self.told += 1

    def answer(self, trigger: str, text: str) -> Stream:
        """Claim and begin an answer."""
        assert self.claims.claim(trigger, "")
        stream = self.room.stream(re=trigger)
        assert self.claims.claim(trigger, stream.id)
        stream.append(text)
        return stream


Play = Callable[[Process, Process, Room, str], Awaitable[None]]


def across_a_partition(play: Play) -> None:
    """Two processes that know of a question of ann's, and cannot hear each other any more."""

    async def main() -> None:
        server = MemoryServer()
        async with (
            server.running(),
            server.peer("bot") as here,
            server.peer("bot") as there,
            server.peer("ann") as ann,
        ):
            one = Process(here, await here.enter("lobby"), "one", 1)
            two = Process(there, await there.enter("lobby"), "two", 2)
            room = await ann.enter("lobby")
            asked = room.post("@bot, what time is it?")
            await anyio.sleep(1)
            here.go_offline()
            await anyio.sleep(1)
            await play(one, two, room, asked)

    run(main)


async def heal(one: Process) -> None:
    one.peer.go_online()
    await anyio.sleep(60)


def test_A8_of_two_who_claimed_without_knowing_one_wins_everywhere_and_the_other_is_told() -> None:
    async def play(one: Process, two: Process, room: Room, asked: str) -> None:
        one.answer(asked, "noon")
        two.answer(asked, "twelve")
        assert one.claims.holds(asked)
        assert two.claims.holds(asked)
        before = {process: process.told for process in (one, two)}
        await heal(one)
        holders = [process for process in (one, two) if process.claims.holds(asked)]
        [winner] = holders
        [loser] = {one, two} - {winner}
        assert one.claims.of(asked) == two.claims.of(asked)
        assert loser.told > before[loser]

    across_a_partition(play)


def test_A8_what_both_had_finished_is_one_answer_again_whoever_clears_up() -> None:
    async def play(one: Process, two: Process, room: Room, asked: str) -> None:
        one.answer(asked, "noon").finish()
        two.answer(asked, "twelve").finish()
        await heal(one)
        assert len([message for message in room.timeline if message.re == asked]) == 2
        assert one.claims.doubles() == two.claims.doubles()
        [double] = two.claims.doubles()
        two.room.delete(double)
        await anyio.sleep(5)
        [answer] = [message for message in room.timeline if message.re == asked and not message.deleted]
        assert answer.id != double
        assert (one.claims.doubles(), two.claims.doubles()) == ([], [])

    across_a_partition(play)


def test_A8_who_sees_the_claim_of_one_at_work_does_not_claim() -> None:
    world = World()
    asked = world.ann.post("hello?")
    room = world.room("bot", world.presence)
    first, same, later = Claims(room, "one", 4), Claims(room, "two", 4), Claims(room, "two", 5)
    assert first.claim(asked, "")
    assert not same.claim(asked, "")
    assert first.holds(asked)
    assert later.claim(asked, ""), "its tenure began after the one that claimed it and never answered"
    assert not first.claim(asked, "")
    assert (first.holds(asked), later.holds(asked)) == (False, True)


@pytest.mark.parametrize("deleted", [False, True])
def test_A8_what_was_answered_is_not_claimed_again_by_anybody(deleted: bool) -> None:
    world = World()
    asked = world.ann.post("hello?")
    room = world.room("bot", world.presence)
    first, later = Claims(room, "one", 1), Claims(room, "two", 2)
    assert first.claim(asked, "")
    stream = room.stream(re=asked)
    assert first.claim(asked, stream.id)
    assert first.claim(asked, stream.id)
    stream.finish(text="Hello")
    if deleted:
        room.delete(stream.id)
    assert not first.claim(asked, "")
    assert not later.claim(asked, "")


def test_A8_an_answer_that_was_taken_back_leaves_its_place() -> None:
    world = World()
    asked = world.ann.post("hello?")
    room = world.room("bot", world.presence)
    claims = Claims(room, "one", 1)
    stream = room.stream(re=asked)
    assert claims.claim(asked, stream.id)
    stream.discard()
    assert claims.claim(asked, "")
    assert not claims.claim("00000000ab.ann.00000000", ""), "what is not there"


def test_A8_later_versions_and_answers_to_others_are_no_doubles() -> None:
    world = World()
    asked, other = world.ann.post("hello?"), world.ann.post("and you?")
    room = world.room("bot", world.presence)
    claims = Claims(room, "one", 1)
    first, again, further = room.stream(re=asked), None, room.stream(re=other)
    claims.claim(asked, first.id)
    first.finish(text="Hello")
    again = room.stream(re=asked, of=first.id)
    claims.claim(first.id, again.id)
    again.finish(text="Hello again")
    further.finish(text="Fine")
    assert claims.doubles() == []
    double = room.stream(re=asked)
    double.finish(text="Hi")
    assert claims.doubles() == [double.id]
    room.delete(first.id)
    assert claims.doubles() == [], "never the only one that is left"


@pytest.mark.parametrize(
    "value",
    [
        1,
        None,
        [],
        {},
        {"by": "x"},
        {"by": "x", "fence": "1", "reply": ""},
        {"by": "x", "fence": 1, "reply": "y"},
    ],
)
def test_A8_a_malformed_claim_is_none(value: object) -> None:
    assert read_claim(Asked("claim", "x", "bot", value, 0)) is None
    assert read_claim(Asked("stop", "x", "bot", {"by": "x", "fence": 1, "reply": ""}, 0)) is None


def test_A8_nobody_else_claims_in_the_agents_place() -> None:
    world = World()
    asked = world.ann.post("hello?")
    world.ann.ask("claim", asked, {"by": "one", "fence": 99, "reply": ""})
    claims = Claims(world.room("bot", world.presence), "one", 1)
    assert claims.of(asked) is None
    assert claims.claim(asked, "")
    assert claims.all() == [Claim(asked, "one", 1, "")]
