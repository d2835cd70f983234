"""Limits of a real daemon, set by its file: who is over one hears its name, and nobody else notices."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from websockets.asyncio.client import ClientConnection, connect

from syncchat.core.closing import Closing, read_closing
from syncchat.core.messages import Auth, Authenticated, Denied, Stateless, Update
from syncchat.errors import CloseCode
from syncchat.testing.client import Writer
from syncchat.testing.program import PATIENCE, Daemon
from tests.server.letting import heard, opened, refused, say


@asynccontextmanager
async def socket_to(daemon: Daemon) -> AsyncIterator[ClientConnection]:
    async with connect(f"{daemon.address}/sync", proxy=None) as socket:
        yield socket


async def told(socket: ClientConnection, doc: str) -> Closing:
    """Why something about a doc was refused or ended."""
    while True:
        message = await heard(socket, doc, Stateless, Denied)
        text = message.payload if isinstance(message, Stateless) else getattr(message, "reason", "")
        closing = read_closing(text)
        if closing is not None:
            return closing


async def one_doc_more(daemon: Daemon) -> Closing:
    async with socket_to(daemon) as socket:
        assert isinstance(await opened(socket, "a", "ada"), Authenticated)
        await say(socket, "b", Auth("ada"))
        return await told(socket, "b")


async def one_link_more(daemon: Daemon) -> Closing:
    async with socket_to(daemon) as first, socket_to(daemon) as second:
        assert isinstance(await opened(first, "a", "ada"), Authenticated)
        await say(second, "a", Auth("ada"))
        return await told(second, "a")


async def one_new_doc_more(daemon: Daemon) -> Closing:
    async with socket_to(daemon) as socket:
        for doc in ("a", "b"):
            assert isinstance(await opened(socket, doc, "ada"), Authenticated)
            await say(socket, doc, Update(Writer("tasks").write("milk", "buy milk")))
        return await told(socket, "b")


async def one_link_more_from_an_address(daemon: Daemon) -> Closing:
    """The address is as the proxy on this machine tells it."""
    headers = {"X-Forwarded-For": "192.0.2.7"}
    async with (
        connect(f"{daemon.address}/sync", proxy=None, additional_headers=headers) as first,
        connect(f"{daemon.address}/sync", proxy=None, additional_headers=headers) as second,
    ):
        closing = await told(second, "")
        assert isinstance(await opened(first, "a", "ada"), Authenticated)
        return closing


async def no_token(daemon: Daemon) -> Closing:
    async with socket_to(daemon) as socket:
        closing = await told(socket, "")
        assert (await refused(socket))[0] == CloseCode.TOO_MANY
        return closing


CASES: dict[str, tuple[str, Callable[[Daemon], Awaitable[Closing]]]] = {
    "docs_per_link": ("docs_per_link = 1", one_doc_more),
    "links_per_address": ("links_per_address = 1", one_link_more_from_an_address),
    "agent_links_per_user": ("agent_links_per_user = 1", one_link_more),
    "agent_new_docs_per_hour": ("agent_new_docs_per_hour = 1", one_new_doc_more),
    "stranger_seconds": ("stranger_seconds = 0.5", no_token),
}


@pytest.mark.anyio
@pytest.mark.parametrize("limit", CASES)
async def test_L2_who_is_over_a_limit_is_told_its_name_and_when_to_try_again(
    tmp_path: Path, limit: str
) -> None:
    setting, work = CASES[limit]
    file = tmp_path / "settings.toml"
    file.write_text(f"[limits]\n{setting}\n")
    with anyio.fail_after(PATIENCE), Daemon(tmp_path / "data", "--no-agent", "--config", str(file)) as daemon:
        async with socket_to(daemon) as other:
            assert isinstance(await opened(other, "lobby/0", "bob"), Authenticated)
            closing = await work(daemon)
            assert (closing.code, closing.limit) == (CloseCode.TOO_MANY, limit)
            assert closing.retry is not None
            assert closing.retry > 0
            await (await other.ping())
        assert daemon.stderr() == ""
