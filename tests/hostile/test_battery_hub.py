"""The battery at a hub: its sender is told, and nobody else sees, hears or feels anything of it."""

from syncchat.core.grant import Grant, Role
from syncchat.core.messages import Auth, Awareness, Update
from syncchat.log import MemoryStore
from syncchat.testing.client import HeldLog, RawClient, statuses, told, updates
from syncchat.testing.field import BASE, DOC, OTHERS
from syncchat.testing.hostile import ATTACKS, HARMLESS
from syncchat.testing.loop import run
from syncchat.testing.server import Tokens, make_hub
from syncchat.testing.updates import whole

TOKENS = Tokens(**{name: Grant(name, Role.WRITER) for name in ("alice", "bob", "mallory", "watcher")})
HOSTILE = {name: attack for name, attack in ATTACKS.items() if attack.rule != HARMLESS}


def test_G8_S3_S7_S8_whoever_attacks_is_told_the_rule_and_nobody_else_hears_of_it() -> None:
    async def main() -> None:
        log = HeldLog(store := MemoryStore())
        async with log:
            await log.append(DOC, [BASE])
        async with make_hub(HeldLog(store), authorize=TOKENS) as hub, hub.connect() as quiet:
            watcher = RawClient(quiet, "watcher")
            await watcher.enter(DOC)
            before = store.rows(DOC)
            for name, attack in HOSTILE.items():
                async with hub.connect() as link:
                    mallory = RawClient(link, "mallory")
                    mallory.say(DOC, Auth("mallory"), Update(attack.alone))
                    heard = await mallory.said(DOC)
                    rules = [why["rule"] for why in told(heard)]
                    gap = attack.rule == "S5"
                    assert (statuses(heard), rules) == (([], []) if gap else ([False], [attack.rule])), name
            assert await watcher.said(DOC) == []
            assert store.rows(DOC) == before
            for user, written in OTHERS:
                async with hub.connect() as link:
                    client = RawClient(link, user)
                    await client.enter(DOC)
                    client.say(DOC, Update(whole([written])))
                    assert statuses(await client.said(DOC)) == [True]
            assert len(updates(await watcher.said(DOC))) == len(OTHERS)
            assert sum(hub.stats.refusals.values()) == sum(a.rule != "S5" for a in HOSTILE.values())

    run(main)


def test_S3_S7_P1_hostile_bytes_as_presence_and_as_questions_end_their_session_alone() -> None:
    async def main() -> None:
        async with make_hub(authorize=TOKENS) as hub, hub.connect() as quiet:
            watcher = RawClient(quiet, "watcher")
            writer = await watcher.enter(DOC)
            for attack in HOSTILE.values():
                async with hub.connect() as link:
                    mallory = RawClient(link, "mallory")
                    await mallory.enter(DOC)
                    mallory.say(DOC, Awareness(attack.alone))
                    await mallory.heard()
            assert hub.occupants() == {DOC: {"watcher"}}
            watcher.say(DOC, Update(writer.write("no id", "x")))
            assert statuses(await watcher.said(DOC)) == [False]

    run(main)
