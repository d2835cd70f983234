"""The tools that look into the past: they find and read messages of their own room, and of no other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from syncchat.agent.tools.history import TOOLS, LocalHistory, line_of_json, make_tools
from syncchat.agent.tools.tool import ToolContext, ToolFailed
from syncchat.log import MemoryLog
from syncchat.paged_room import PagedRoom
from syncchat.peer import Peer
from syncchat.search import LocalSearch

pytestmark = pytest.mark.anyio
SECRET = "the cake is a lie, says the other room"


@asynccontextmanager
async def furnished(*texts: str) -> AsyncIterator[tuple[PagedRoom, LocalHistory, list[str]]]:
    """A room with these messages, and another one with a secret."""
    log = MemoryLog()
    async with Peer(user="ann", log=log) as peer:
        room = await peer.enter("lobby")
        ids = [room.post(text) for text in texts]
        (await peer.enter("board")).post(SECRET)
        await peer.saved()
        async with LocalSearch(log) as local:
            yield room, LocalHistory(local), ids


async def test_A25_it_finds_messages_with_all_the_words_in_their_order() -> None:
    async with furnished("cake at noon", "no tea", "more cake, at noon too") as (room, history, ids):
        (search,) = make_tools(["search"], history)
        found = await search.call({"words": "noon cake"}, ToolContext(room, "ann", ids[0]))
        assert [(line.id, line.user, line.text) for line in found.messages] == [
            (ids[0], "ann", "cake at noon"),
            (ids[2], "ann", "more cake, at noon too"),
        ]
        assert found.text == "2 messages"


@pytest.mark.parametrize(
    "arguments",
    [
        {"words": "cake"},
        {"words": "cake room:board"},
        {"words": '"lie room:board'},
        {"words": "cake) OR (board"},
        {"words": "", "author": "ann"},
    ],
)
async def test_A25_no_words_make_it_find_what_is_in_another_room(arguments: dict[str, str]) -> None:
    async with furnished("nothing of interest") as (room, history, ids):
        (search,) = make_tools(["search"], history)
        found = await search.call(arguments, ToolContext(room, "ann", ids[0]))
        assert SECRET not in [line.text for line in found.messages]


async def test_A25_it_finds_what_one_user_has_said() -> None:
    async with furnished("cake") as (room, history, ids):
        (search,) = make_tools(["search"], history)
        context = ToolContext(room, "ann", ids[0])
        assert not (await search.call({"words": "cake", "author": "bob"}, context)).messages
        assert (await search.call({"words": "cake", "author": "ann"}, context)).messages
        with pytest.raises(ToolFailed, match="no user id"):
            await search.call({"words": "cake", "author": "ann room:board"}, context)


async def test_A25_it_reads_the_messages_before_one_by_its_label_or_id() -> None:
    async with furnished(*(f"number {n}" for n in range(6))) as (room, history, ids):
        (page,) = make_tools(["page"], history)
        context = ToolContext(room, "ann", ids[5], {"m3": ids[4]})
        for before in ("m3", "[m3]", ids[4]):
            found = await page.call({"before": before, "limit": 2}, context)
            assert [line.id for line in found.messages] == ids[2:4]
        assert (await page.call({"before": ids[0]}, context)).text == "there are none"
        with pytest.raises(ToolFailed, match="none of the labels"):
            await page.call({"before": "m9"}, context)


async def test_A25_what_is_not_finished_is_not_read() -> None:
    async with furnished("one", "two") as (room, history, ids):
        room.delete(ids[0])
        room.stream().append("unfinished")
        (page,) = make_tools(["page"], history)
        found = await page.call({"before": room.post("three")}, ToolContext(room, "ann", ids[1]))
        assert [line.text for line in found.messages] == ["two"]


async def test_A25_the_tools_that_are_built_in_need_no_approval() -> None:
    async with furnished() as (_, history, _ids):
        assert [tool.needs_approval for tool in make_tools(list(TOOLS), history)] == [False, False]


@pytest.mark.parametrize("wrong", [{"deleted": True}, {"streaming": True}, {"state": "error"}, {"text": " "}])
async def test_A25_messages_over_http_are_read_if_they_are_finished(wrong: dict[str, object]) -> None:
    async with furnished("one") as (_, _history, ids):
        told = {"id": ids[0], "text": "one", "deleted": False, "streaming": False, "agent": False}
        line = line_of_json(told | {"state": None})
        assert line is not None
        assert (line.id, line.user, line.text) == (ids[0], "ann", "one")
        assert line_of_json(told | wrong) is None
    assert line_of_json(None) is None
    assert line_of_json({"id": "x", "text": "y"}) is None
