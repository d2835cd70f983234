"""Stock clients with tokens: what each has for showing one is enough for a daemon that asks for them."""

import time
from pathlib import Path
from typing import Any

import pytest

from syncchat.core.grant import Role
from syncchat.errors import CloseCode
from syncchat_server.issuing import Issuer, make_secret
from syncchat_server.settings import AuthSettings
from tests.interop.daemon import run_daemon
from tests.interop.stock import Node

DOC = "lobby/0"


def token(data: Path, user: str) -> str:
    """A token for the lobby of the daemon on this folder."""
    return Issuer(data, AuthSettings()).issue(user, {"lobby": Role.WRITER}, now=time.time(), ttl=600).token


def ways(shown: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """For each kind of client the user it is made with, and its options."""
    return {
        "y": ("nobody", {"protocols": ["syncchat", f"syncchat.token.{shown}"]}),
        "hocuspocus": (shown, {}),
    }


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["y", "hocuspocus"])
async def test_S11_U1_U5_a_stock_client_with_a_token_reads_and_writes(
    kind: str, node: Node, tmp_path: Path
) -> None:
    make_secret(tmp_path / "data")
    user, options = ways(token(tmp_path / "data", "ada"))[kind]
    with run_daemon(tmp_path / "data") as daemon:
        ada = await node.open(kind, daemon.address, DOC, user, **options)
        await node.until(lambda: ada.synced)
        bob_user, bob_options = ways(token(tmp_path / "data", "bob"))[kind]
        bob = await node.open(kind, daemon.address, DOC, bob_user, **bob_options)
        id = await ada.post("ada", 1, "hello")
        await node.until(lambda: bob.texts == {id: "hello"})


@pytest.mark.anyio
async def test_S11_U1_a_stock_client_without_a_token_gives_up(node: Node, tmp_path: Path) -> None:
    make_secret(tmp_path / "data")
    with run_daemon(tmp_path / "data") as daemon:
        plain = await node.open("y", daemon.address, DOC, "ada")
        await node.until(lambda: plain.gave_up == CloseCode.UNAUTHENTICATED)
        denied = await node.open("hocuspocus", daemon.address, DOC, "ada")
        await node.until(lambda: bool(denied.denials))
    assert "a token is needed" in node.said.pop()  # it tells on its console why it gave up
