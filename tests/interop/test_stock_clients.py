"""Stock y-websocket and Hocuspocus providers in rooms with our own peers, on a real daemon (S11)."""

import json
from functools import partial
from typing import Any

import pytest

from syncchat.core.hub_session import MAX_QUEUED
from syncchat.core.room import Room
from syncchat.errors import CloseCode
from syncchat.peer import Peer
from tests.interop.daemon import Daemon
from tests.interop.stock import Node, message, message_id, shows

pytestmark = pytest.mark.anyio

ODD = "Zoë 📊 日本語\u202e\u0000 ́"
KINDS = pytest.mark.parametrize("kind", ["y", "hocuspocus"])


def has_more(told: list[Any], count: int) -> bool:
    return len(told) > count


def texts(room: Room) -> dict[str, str]:
    return {message.id: message.text for message in room.timeline if not message.streaming}


@KINDS
async def test_S11_S12_a_stock_client_and_a_peer_read_what_the_other_writes(
    kind: str, daemon: Daemon, node: Node
) -> None:
    async with Peer(user="ada", server=daemon.address) as peer:
        room = await peer.enter("lobby")
        stock = await node.open(kind, daemon.address, "lobby/0", "zoe")
        await node.until(lambda: stock.synced)

        theirs = await stock.post("zoe", 1_000, ODD)
        await shows(peer, lambda: theirs in texts(room))
        ours = room.post(ODD, re=theirs)
        await node.until(lambda: ours in stock.texts)

        assert texts(room) == stock.texts == {theirs: ODD, ours: ODD}
        assert {message.user for message in room.timeline} == {"ada", "zoe"}
        assert json.loads(stock.roots["messages"][ours]) == {"text": ODD, "re": theirs}


@KINDS
async def test_S11_A3_our_reply_streams_to_a_stock_client(kind: str, daemon: Daemon, node: Node) -> None:
    async with Peer(user="ada", server=daemon.address) as peer:
        room = await peer.enter("lobby")
        stock = await node.open(kind, daemon.address, "lobby/0", "zoe")
        stream = room.stream()
        for token in ("Zo", "ë ", "📊"):
            stream.append(token)
        await node.until(lambda: stock.streams == {stream.id: "Zoë 📊"})

        stream.append(" 日本")
        stream.finish()
        await node.until(lambda: stock.streams == {} and stock.texts == {stream.id: "Zoë 📊 日本"})


@KINDS
async def test_S11_A3_a_reply_of_a_stock_client_streams_to_us(kind: str, daemon: Daemon, node: Node) -> None:
    async with Peer(user="ada", server=daemon.address) as peer:
        room = await peer.enter("lobby")
        stock = await node.open(kind, daemon.address, "lobby/0", "zoe")
        id = message_id("zoe", 1_000)
        await stock.do("begin", root="streams", row=id)
        for token in ("Zo", "ë ", "📊"):
            await stock.do("append", root="streams", row=id, text=token)
        await shows(peer, lambda: (m := room.message(id)) is not None and m.streaming and m.text == "Zoë 📊")

        await stock.do("finish", row=id, value=message("Zoë 📊."))
        await shows(peer, lambda: texts(room) == {id: "Zoë 📊."})


@KINDS
async def test_S11_S2_what_both_did_while_a_stock_client_was_offline_merges(
    kind: str, daemon: Daemon, node: Node
) -> None:
    async with Peer(user="ada", server=daemon.address) as peer:
        room = await peer.enter("lobby")
        stock = await node.open(kind, daemon.address, "lobby/0", "zoe")
        first = await stock.post("zoe", 1_000, "before")
        await shows(peer, lambda: first in texts(room))

        await stock.do("disconnect")
        await node.until(lambda: stock.status == "disconnected")
        theirs = await stock.post("zoe", 2_000, "zoe, offline")
        await stock.do("delete", root="messages", row=first)
        ours = room.post("ada, meanwhile")
        await peer.settled()
        await stock.do("connect")

        merged = {theirs: "zoe, offline", ours: "ada, meanwhile"}
        await node.until(lambda: stock.texts == merged)
        await shows(peer, lambda: texts(room) == merged)


async def test_S11_S1_both_dialects_and_two_peers_converge_in_one_room(daemon: Daemon, node: Node) -> None:
    async with (
        Peer(user="ada", server=daemon.address) as ada,
        Peer(user="ben", server=daemon.address) as ben,
    ):
        ada_room = await ada.enter("lobby")
        ben_room = await ben.enter("lobby")
        yjs = await node.open("y", daemon.address, "lobby/0", "yan")
        hocus = await node.open("hocuspocus", daemon.address, "lobby/0", "hal")
        for number in range(20):
            ada_room.post(f"ada {number}")
            ben_room.post(f"ben {number}")
            await yjs.post("yan", 1_000 + number, f"yan {number}")
            await hocus.post("hal", 1_000 + number, f"hal {number}")

        await shows(ada, lambda: len(texts(ada_room)) == 80)
        await shows(ben, lambda: texts(ben_room) == texts(ada_room))
        await node.until(lambda: yjs.texts == hocus.texts == texts(ada_room))


async def test_S11_one_hocuspocus_socket_carries_many_docs_and_leaves_one(daemon: Daemon, node: Node) -> None:
    async with Peer(user="ada", server=daemon.address) as peer:
        lobby, todo = await peer.enter("lobby"), await peer.open("todo")
        room = await node.open("hocuspocus", daemon.address, "lobby/0", "zoe", socket="one")
        values = await node.open("hocuspocus", daemon.address, "todo", "zoe", socket="one")
        await values.do("set", root="values", row="milk", value='"2 l"')
        await shows(peer, lambda: todo.store.values.get("milk") == "2 l")

        await room.do("destroy")
        lobby.post("unseen")
        todo.store.values.set("bread", 1)
        await node.until(lambda: values.roots["values"] == {"milk": '"2 l"', "bread": "1"})
        assert room.texts == {}


async def test_S11_two_hocuspocus_sessions_on_one_doc_share_a_socket(daemon: Daemon, node: Node) -> None:
    sessions = [
        await node.open("hocuspocus", daemon.address, "lobby/0", "zoe", socket="one", sessionAwareness=True)
        for _ in range(2)
    ]
    await node.until(lambda: all(session.synced for session in sessions))
    posted = [await session.post("zoe", hlc, "hi") for hlc, session in enumerate(sessions, 1_000)]
    await node.until(lambda: all(set(session.texts) == set(posted) for session in sessions))
    await node.until(lambda: all(session.unsynced == 0 for session in sessions))


async def test_S11_hocuspocus_may_merge_its_updates(daemon: Daemon, node: Node) -> None:
    merging = await node.open("hocuspocus", daemon.address, "lobby/0", "zoe", flushDelay=20)
    other = await node.open("y", daemon.address, "lobby/0", "yan")
    for hlc in range(1_000, 1_030):
        await merging.post("zoe", hlc, ODD)
    await node.until(lambda: len(other.texts) == 30 and merging.unsynced == 0)


async def test_S11_who_says_no_name_is_denied_in_words_of_its_dialect(daemon: Daemon, node: Node) -> None:
    hocus = await node.open("hocuspocus", daemon.address, "lobby/0", "", socket="one")
    await node.until(lambda: len(hocus.denials) == 1)
    named = await node.open("hocuspocus", daemon.address, "lobby/1", "zoe", socket="one")
    await node.until(lambda: named.synced)
    assert hocus.scopes == []
    assert "say who you are" in hocus.denials[0]


async def test_G7_a_stock_y_websocket_asks_for_a_bad_name_only_once(daemon: Daemon, node: Node) -> None:
    stock = await node.open("y", daemon.address, "lobby/first", "zoe")
    await node.until(lambda: stock.gave_up is not None)
    assert stock.gave_up == CloseCode.BAD_NAME
    assert [code for code, _ in stock.closes] == [CloseCode.BAD_NAME]


async def test_G8_a_refused_write_is_answered_with_its_reason_and_shown_to_nobody(
    daemon: Daemon, node: Node
) -> None:
    async with Peer(user="ada", server=daemon.address) as peer:
        room = await peer.enter("lobby")
        liar = await node.open("hocuspocus", daemon.address, "lobby/0", "zoe")
        other = await node.open("y", daemon.address, "lobby/0", "yan")
        await node.until(lambda: liar.unsynced == 0 and other.synced)
        forged = await liar.post("ada", 1_000, "I am ada")
        await node.until(lambda: liar.stateless != [])
        said = liar.stateless[0]
        assert (said["syncchat"], said["code"], said["rule"]) == ("closed", CloseCode.REFUSED, "G1")
        assert said["rows"] == [["messages", forged]]
        assert liar.unsynced == 1  # it heeds no status of 0, so it is told in words

        await liar.do("destroy")
        honest_client = await node.open("hocuspocus", daemon.address, "lobby/0", "zoe")
        honest = await honest_client.post("zoe", 2_000, "I am zoe")
        await shows(peer, lambda: texts(room) == {honest: "I am zoe"})
        await node.until(lambda: other.texts == {honest: "I am zoe"} and honest_client.unsynced == 0)


async def test_G8_S10_a_stock_client_that_goes_on_after_a_refusal_is_told_each_time(
    daemon: Daemon, node: Node
) -> None:
    """Yjs goes on under the same client id, behind clocks that the server does not have and never will."""
    liar = await node.open("hocuspocus", daemon.address, "lobby/0", "zoe")
    await node.until(lambda: liar.unsynced == 0)
    await liar.post("ada", 1_000, "I am ada")
    for hlc in range(2_000, 2_000 + MAX_QUEUED + 6):
        told = len(liar.stateless)
        await liar.post("zoe", hlc, "I am zoe")
        await node.until(partial(has_more, liar.stateless, told))
    assert liar.closes == []
