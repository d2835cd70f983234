"""Tuning agents from the composer: what is asked for, what cannot be, and how they behave now."""

import pytest

from syncchat.errors import SyncchatError
from syncchat_tui.app import ChatApp
from tests.tui.test_app import FakePeer
from tests.tui.test_steering import Scene, appear, asked, scene, steer, write

pytestmark = pytest.mark.anyio

__all__ = ["scene"]


def noticed(app: ChatApp) -> str:
    return " ".join(notice.message for notice in app._notifications)


@pytest.mark.parametrize(
    ("words", "wish"),
    [
        ("grace 30", {"grace": 30}),
        ("share 0.1", {"share": 0.1}),
        ("newer queue", {"on_newer": "queue"}),
        ("on_newer replace", {"on_newer": "replace"}),
        ("grace usual", {"grace": None}),
    ],
)
async def test_A27_agents_are_tuned_by_a_command(scene: Scene, words: str, wish: object) -> None:
    alice = scene[0]
    assert steer(alice).agent(words).startswith("Agents are asked here for")
    assert [value for _, _, value in asked(alice, "tune")] == [wish]


async def test_A27_what_cannot_be_tuned_is_told_with_its_bounds(scene: Scene) -> None:
    with pytest.raises(SyncchatError, match="share is 2: it is a number from 0 to 1"):
        steer(scene[0]).agent("share 2")


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({"grace": 30.0, "share": 0.1, "on_newer": "queue"}, "grace 30 s, share 0.1, newer queue"),
        ({"grace": 10**30, "share": 7, "on_newer": ["x"]}, ""),
        ({"grace": True, "share": "1", "on_newer": "a\x1b[2Jb"}, "newer a"),
        ("nonsense", ""),
    ],
)
async def test_A27_the_command_alone_tells_how_agents_behave_and_nothing_in_it_is_trusted(
    scene: Scene, told: object, shown: str
) -> None:
    alice, _, presence = scene
    assert steer(alice).agent("") == "No agent is here."
    appear(presence, "watching", mode="addressed", manners=told)
    line = steer(alice).agent("")
    assert line.startswith("bot: speaks when addressed")
    assert shown in line
    assert "\x1b" not in line


async def test_A27_the_screen_tells_how_the_agent_is_tuned_and_what_cannot_be(scene: Scene) -> None:
    alice, _, presence = scene
    appear(presence, "watching", mode="addressed", manners={"grace": 30, "share": 0.1, "on_newer": "merge"})
    app = ChatApp(alice, FakePeer(), server=True)
    async with app.run_test() as pilot:
        await write(pilot, "/agent")
        assert "grace 30 s, share 0.1, newer merge" in noticed(app)
        await write(pilot, "/agent share 9")
        assert "share is 9: it is a number from 0 to 1" in noticed(app)
    assert asked(alice, "tune") == []
