"""How long a token opens what it opened: its end, its renewal, its revocation."""

import anyio
import pytest

from syncchat.core.dialect import YDialect
from syncchat.core.grant import Claims, Grant, Role
from syncchat.core.messages import Auth, Authenticated, Close, Denied, Message, Step1, Step2, Update
from syncchat.core.welcome import Welcome
from syncchat.errors import CloseCode
from syncchat.hub.door import LONGEST_NAP
from syncchat.link.memory import memory_pipe
from syncchat.testing.client import QUIET, HeldLog, RawClient, Writer, end_of, hello, present, statuses, told
from syncchat.testing.loop import EPOCH, run, wall_clock
from syncchat.testing.server import Tokens, make_hub

DOC = "todo"


def lasting(seconds: float | None, user: str = "ann", role: Role = Role.WRITER, id: str = "") -> Grant:
    """A grant that ends so many seconds after the beginning of virtual time."""
    return Grant(user, role, expires=None if seconds is None else EPOCH / 1000 + seconds, token_id=id)


def tokens() -> Tokens:
    return Tokens(
        short=lasting(60),
        long=lasting(None),
        less=lasting(None, role=Role.READER),
        past=lasting(-1),
        bob=lasting(None, "bob"),
    )


def ended(heard: list[Message]) -> bool:
    """Whether a session ended, for want of a token that is good."""
    if not heard or not isinstance(heard[-1], Close):
        return False
    return bool(told(heard)[-1]["code"] == CloseCode.UNAUTHENTICATED)


def test_U3_S7_P3_a_token_that_expires_ends_what_it_opened_and_nothing_else() -> None:
    async def main() -> None:
        async with make_hub(authorize=tokens()) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = RawClient(one, "short"), RawClient(two, "bob")
            await ann.enter(DOC)
            await bob.enter(DOC)
            ann.user = "long"
            elsewhere = await ann.enter("elsewhere")
            ann.say(DOC, hello(7))
            await anyio.sleep(59)
            assert set(present(await bob.said(DOC))) == {7}
            await ann.heard()
            assert hub.occupants()[DOC] == {"ann", "bob"}
            await anyio.sleep(1)
            assert ended(await ann.said(DOC))
            assert present(await bob.said(DOC)) == {7: None}
            assert hub.occupants() == {DOC: {"bob"}, "elsewhere": {"ann"}}
            ann.say("elsewhere", Update(elsewhere.write("k", "v")))
            assert statuses(await ann.said("elsewhere")) == [True]
            await ann.enter(DOC)

    run(main)


def test_U3_a_new_token_on_the_open_connection_goes_on_where_the_old_one_ends() -> None:
    async def main() -> None:
        async with make_hub(authorize=tokens()) as hub, hub.connect() as one:
            ann = RawClient(one, "short")
            writer = await ann.enter(DOC)
            await anyio.sleep(50)
            ann.say(DOC, Auth("long"))
            assert await ann.said(DOC) == [Authenticated("read-write")]
            assert ann.welcome == Welcome("ann", Role.WRITER, EPOCH + 50_000 + round(2000 * QUIET))
            await anyio.sleep(1000)
            ann.say(DOC, Update(writer.write("k", "v")))
            assert statuses(await ann.said(DOC)) == [True]

    run(main)


def test_U3_G11_P3_a_new_token_may_allow_less() -> None:
    async def main() -> None:
        async with make_hub(authorize=tokens()) as hub, hub.connect() as one, hub.connect() as two:
            ann, bob = RawClient(one, "short"), RawClient(two, "bob")
            writer, _ = await ann.enter(DOC), await bob.enter(DOC)
            ann.say(DOC, hello(7))
            await ann.heard()
            await bob.heard()
            ann.say(DOC, Auth("less"))
            assert Authenticated("readonly") in await ann.said(DOC)
            assert present(await bob.said(DOC)) == {7: None}
            ann.say(DOC, Update(writer.write("k", "v")), hello(7, 5))
            heard = await ann.said(DOC)
            assert (statuses(heard), told(heard)[0]["rule"]) == ([False], "G11")
            assert await bob.said(DOC) == []

    run(main)


@pytest.mark.parametrize("token", ["bob", "past", "nonsense"])
def test_U3_a_token_that_is_somebody_elses_or_not_good_ends_the_session(token: str) -> None:
    async def main() -> None:
        async with make_hub(authorize=tokens()) as hub, hub.connect() as one:
            ann = RawClient(one, "long")
            await ann.enter(DOC)
            ann.say(DOC, Auth(token))
            assert ended(await ann.said(DOC))
            assert hub.occupants() == {DOC: set()}

    run(main)


def test_U1_U3_a_token_that_has_expired_opens_nothing() -> None:
    async def main() -> None:
        async with make_hub(log := HeldLog(), authorize=tokens()) as hub, hub.connect() as one:
            ann = RawClient(one, "past")
            ann.ask(DOC)
            [denied] = await ann.said(DOC)
            assert isinstance(denied, Denied)
            assert str(int(CloseCode.UNAUTHENTICATED)) in denied.reason
            assert log.reads[DOC] == 0

    run(main)


@pytest.mark.parametrize("hours", [1, -1])
def test_U3_a_clock_that_is_set_is_heeded_within_a_minute(hours: int) -> None:
    offset = 0

    def now() -> int:
        return wall_clock() + offset

    async def main() -> None:
        nonlocal offset
        grants = Tokens(ann=lasting(1800))
        async with make_hub(authorize=grants, now=now) as hub, hub.connect() as one:
            ann = RawClient(one, "ann")
            await ann.enter(DOC)
            offset = hours * 3_600_000
            await anyio.sleep(LONGEST_NAP + 1)
            assert hub.occupants() == {DOC: {"ann"} if hours < 0 else set()}
            await anyio.sleep(1800)
            assert hub.occupants().get(DOC, set()) == ({"ann"} if hours < 0 else set())
            await anyio.sleep(3600)
            assert hub.occupants().get(DOC, set()) == set()

    run(main)


def test_U3_tokens_end_one_by_one_in_whatever_order_they_came() -> None:
    async def main() -> None:
        grants = Tokens(**{f"u{n}": lasting(100 + n * 37 % 20, f"u{n}") for n in range(20)})
        async with make_hub(authorize=grants) as hub, hub.connect() as one:
            for name in grants.grants:
                await RawClient(one, name).enter(f"doc-{name}")
            for second in range(99, 121):
                await anyio.sleep_until(second + 0.5)
                open_now = {user for users in hub.occupants().values() for user in users}
                assert open_now == {
                    n for n, g in grants.grants.items() if (g.expires or 0) > wall_clock() / 1000
                }

    run(main)


def test_U3_in_the_dialect_of_y_websocket_the_link_ends_with_its_token() -> None:
    async def main() -> None:
        here, there = memory_pipe()
        async with make_hub(authorize=tokens()) as hub, anyio.create_task_group() as tasks:
            tasks.start_soon(hub.serve, there, YDialect(DOC), "short", DOC)
            here.send(YDialect(DOC).encode(DOC, Step1(b"\x00")) or b"")
            assert (await end_of(here)).code == CloseCode.UNAUTHENTICATED
            assert anyio.current_time() == pytest.approx(60)

    run(main)


def test_U4_what_a_revoked_token_opened_is_ended_also_while_it_is_being_opened() -> None:
    async def main() -> None:
        grants = Tokens(one=lasting(None, id="1"), two=lasting(None, id="2"), none=lasting(None))
        async with make_hub(log := HeldLog(), authorize=grants) as hub, hub.connect() as link:
            client = RawClient(link, "one")
            for name in grants.grants:
                client.user = name
                await client.enter(f"doc-{name}")
            log.hold("read")
            client.user = "one"
            client.ask("late")
            await anyio.sleep(1)
            assert hub.recheck(lambda id: id == "1") == 2
            log.release()
            heard = await client.heard()
            for doc in ("doc-one", "late"):
                assert ended([message for about, message in heard if about == doc])
            assert {about for about, _ in heard} == {"doc-one", "late"}
            assert {doc for doc, users in hub.occupants().items() if users} == {"doc-two", "doc-none"}

    run(main)


def test_U1_a_link_from_the_same_process_opens_what_its_claims_say_whatever_its_tokens_are() -> None:
    async def main() -> None:
        claims = Claims("ann", (("team-*", Role.READER), ("lobby", Role.WRITER)), expires=EPOCH / 1000 + 60)
        async with make_hub(authorize=tokens()) as hub, hub.connect(grant=claims) as link:
            client = RawClient(link, "bob")
            client.ask("elsewhere")
            [denied] = await client.said("elsewhere")
            assert isinstance(denied, Denied)
            client.ask("team-a/0")
            assert [type(m) for m in await client.said("team-a/0")] == [Authenticated, Step2, Step1]
            assert client.welcome is not None
            assert (client.welcome.user, client.welcome.role) == ("ann", Role.READER)
            client.say("team-a/0", Update(Writer().write("k", "v")))
            assert statuses(await client.said("team-a/0")) == [False]
            await client.enter("lobby/0")
            await anyio.sleep(60)
            assert ended(await client.said("lobby/0"))

    run(main)
