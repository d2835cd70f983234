"""A daemon that asks for tokens, from the verbs that make them to the sockets that are refused."""

import hmac
import json
import time
from pathlib import Path

import anyio
import anyio.to_thread
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from syncchat.cli.invitation import parse_link
from syncchat.core.grant import Role
from syncchat.core.messages import Authenticated, Denied
from syncchat.errors import CloseCode
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon, Program, syncchat
from tests.server.letting import answered, made, opened, refused, run, token


@pytest.mark.anyio
async def test_U1_who_has_a_token_is_let_in_and_others_see_it_under_its_own_name(
    guarded: Daemon, folder: Path
) -> None:
    shown = [token(folder, user) for user in ("ada", "bob")]
    with anyio.fail_after(PATIENCE):
        async with (
            Peer(user="ada", token=shown[0], server=guarded.address) as ada,
            Peer(user="bob", token=shown[1], server=guarded.address) as bob,
        ):
            written, read = await ada.enter("lobby"), await bob.enter("lobby")
            written.post("hello")
            await bob.until(lambda: [message.user for message in read.timeline] == ["ada"])
    assert guarded.stderr() == ""


@pytest.mark.anyio
async def test_U1_U2_a_socket_without_a_token_for_its_doc_opens_nothing(
    guarded: Daemon, folder: Path
) -> None:
    shown = token(folder, "ada", {"team-*": Role.READER})
    async with connect(f"{guarded.address}/sync", proxy=None) as socket:
        assert isinstance(await opened(socket, "team-7/0", "ada"), Denied)
        assert await opened(socket, "team-7/0", shown) == Authenticated("readonly")
        forbidden = await opened(socket, "lobby/0", shown)
        assert isinstance(forbidden, Denied)
        assert await opened(socket, "nowhere/0", shown) == forbidden


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["header", "subprotocol", "subprotocol alone"])
async def test_U5_a_y_websocket_client_shows_its_token_in_the_handshake(
    guarded: Daemon, folder: Path, how: str
) -> None:
    shown = token(folder, "ada")
    own = Subprotocol(f"syncchat.token.{shown}")
    offered = {"header": None, "subprotocol": [Subprotocol("syncchat"), own], "subprotocol alone": [own]}[how]
    headers = {"Authorization": f"Bearer {shown}"} if how == "header" else None
    async with connect(
        f"{guarded.address}/y/lobby/0", proxy=None, additional_headers=headers, subprotocols=offered
    ) as socket:
        assert socket.subprotocol == (offered[0] if offered else None)
        await answered(socket)


@pytest.mark.anyio
async def test_U5_a_token_in_the_address_is_refused_with_a_reason(guarded: Daemon, folder: Path) -> None:
    shown = token(folder, "ada")
    for path in ("/sync", "/y/lobby/0"):
        async with connect(f"{guarded.address}{path}?token={shown}", proxy=None) as socket:
            code, reason = await refused(socket)
            assert code == CloseCode.UNAUTHENTICATED
            assert "address" in reason
    async with connect(f"{guarded.address}/y/lobby/0?user=ada", proxy=None) as socket:
        assert (await refused(socket))[0] == CloseCode.UNAUTHENTICATED
    assert shown not in guarded.stderr()


@pytest.mark.anyio
async def test_U7_a_foreign_web_page_gets_no_socket_and_an_allowed_one_does(tmp_path: Path) -> None:
    with Daemon(tmp_path / "daemon", "--no-agent", "--allow-origin", "https://app.example.org") as daemon:
        own = daemon.address.replace("ws://", "http://")
        for origin in (own, "https://app.example.org"):
            async with connect(f"{daemon.address}/sync", proxy=None, origin=Origin(origin)):
                pass
        for path in ("/sync", "/y/lobby/0?user=ada"):
            with pytest.raises(InvalidStatus) as refusal:
                await connect(
                    f"{daemon.address}{path}", proxy=None, origin=Origin("https://evil.example.org")
                )
            assert refusal.value.response.status_code == 403


@pytest.mark.anyio
async def test_U4_a_revoked_token_ends_what_it_opened_and_opens_nothing(
    guarded: Daemon, folder: Path
) -> None:
    done = await anyio.to_thread.run_sync(run, "token", "--data", folder, "--user", "ada", "--room", "lobby")
    shown, token_id = done.stdout.strip(), done.stderr.split()[2]
    async with connect(
        f"{guarded.address}/y/lobby/0", proxy=None, additional_headers={"Authorization": f"Bearer {shown}"}
    ) as socket:
        await answered(socket)
        await anyio.to_thread.run_sync(made, "revoke", token_id, "--data", folder)
        code, reason = await refused(socket)
        assert code == CloseCode.UNAUTHENTICATED
        assert "revoked" in reason
    async with connect(f"{guarded.address}/sync", proxy=None) as other:
        assert isinstance(await opened(other, "lobby/0", shown), Denied)
        assert await opened(other, "lobby/0", token(folder, "bob")) == Authenticated("read-write")


@pytest.mark.anyio
async def test_U1_A5_the_agent_of_the_daemons_process_needs_no_token(folder: Path) -> None:
    shown = token(folder, "ada")
    with Daemon(folder) as daemon, anyio.fail_after(PATIENCE):
        async with Peer(user="ada", token=shown, server=daemon.address) as ada:
            room = await ada.enter("lobby")
            await ada.until(lambda: len(room.people) == 2)
            room.post("@agent what is 6*7?")
            await ada.until(lambda: any(m.agent and "42" in m.text for m in room.timeline))


@pytest.mark.anyio
async def test_U1_A5_G10_an_agent_of_its_own_answers_with_a_token_for_agents(
    guarded: Daemon, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(token(folder, "helper", {"lobby": Role.AGENT}))
    command = syncchat("agent", "--room", "lobby", "--server", guarded.address, "--name", "helper")
    command += ["--data", str(tmp_path / "helper"), "--token-file", str(file)]
    with anyio.fail_after(2 * PATIENCE), Program(command, tmp_path / "agent.stderr") as helper:
        await anyio.to_thread.run_sync(helper.line)
        async with Peer(user="ada", token=token(folder, "ada"), server=guarded.address) as ada:
            room = await ada.enter("lobby")
            await ada.until(lambda: {person.user for person in room.people} == {"ada", "helper"})
            room.post("@helper what is 6*7?")
            await ada.until(lambda: any(m.agent and "42" in m.text for m in room.timeline))


def test_U5_an_invitation_carries_a_token_for_its_room_and_nothing_else(folder: Path) -> None:
    link = made("invite", "lobby", "--data", folder, "--user", "bob", "--server", "wss://chat.example.org")
    invitation = parse_link(link)
    assert (invitation.server, invitation.room) == ("wss://chat.example.org", "lobby")
    done = run("chat", link, "--data", folder.parent / "bob")
    assert "terminal" in done.stderr
    assert invitation.token not in done.stdout + done.stderr


def test_U6_without_authentication_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        done = run("serve", "--host", host, "--port", 0, "--data", tmp_path / "daemon")
        assert (done.returncode, done.stdout) == (2, "")
        assert "without authentication" in done.stderr
        assert "--open" in done.stderr
    for host in ("localhost", "127.0.0.2"):
        with Daemon(tmp_path / "daemon", "--no-agent", "--host", host) as daemon:
            assert daemon.address.startswith("ws://127.0.0.")


def test_U6_it_listens_to_others_with_authentication_or_if_one_insists(folder: Path, tmp_path: Path) -> None:
    with Daemon(folder, "--no-agent", "--host", "0.0.0.0") as daemon:
        assert daemon.address.startswith("ws://0.0.0.0:")
    with Daemon(tmp_path / "open", "--no-agent", "--host", "0.0.0.0", "--open") as daemon:
        assert daemon.address.startswith("ws://0.0.0.0:")
    done = run("serve", "--open", "--port", 0, "--data", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert str(folder / "secret") in done.stderr


@pytest.mark.anyio
async def test_U1_what_secret_and_token_make_opens_the_daemon_of_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "daemon"
    assert str(folder / "secret") in made("secret", "--data", folder)
    shown = made("token", "--data", folder, "--user", "ada", "--room", "lobby", "--room", "team-*:reader")
    with Daemon(folder, "--no-agent") as daemon:
        async with connect(f"{daemon.address}/sync", proxy=None) as socket:
            assert await opened(socket, "lobby/0", shown) == Authenticated("read-write")
            assert await opened(socket, "team-1/0", shown) == Authenticated("readonly")


def test_U1_the_secret_is_its_owners_and_never_made_twice(folder: Path) -> None:
    assert (folder / "secret").stat().st_mode & 0o777 == 0o600
    before = (folder / "secret").read_bytes()
    done = run("secret", "--data", folder)
    assert done.returncode == 2
    assert "already" in done.stderr
    assert (folder / "secret").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["token", "--user", "ada", "--room", "lobby"], ["syncchat secret"]),
        (["token", "--user", "ada", "--room", "lobby:king"], ["king"]),
        (["token", "--user", "ada", "--room", "lobby", "--ttl", "soon"], ["--ttl", "7d"]),
        (["token", "--user", "ada", "--room", "lobby", "--jwks", "keys.json"], ["private key"]),
        (["invite", "lobby", "--server", "http://x"], ["ws://HOST:PORT"]),
        (["invite", "../x"], ["room"]),
        (["revoke", "a b"], ["id"]),
        (["chat", "lobby", "--token-file", "/nonexistent/token"], ["/nonexistent/token"]),
        (["serve", "--port", "0", "--secret-file", "/nonexistent/secret"], ["/nonexistent/secret"]),
    ],
)
def test_U1_what_a_verb_cannot_do_is_told_in_a_line(
    tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    done = run(*arguments, "--data", tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def signed(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, algorithm: str, kid: str = "") -> str:
    """A token as an identity provider issues it."""
    claims = {"sub": "ada", "rooms": {"lobby": "writer"}, "exp": int(time.time()) + 600}
    return jwt.encode(claims, key, algorithm, {"kid": kid} if kid else None)


@pytest.mark.anyio
async def test_U1_tokens_of_an_identity_provider_are_believed_by_its_public_key_alone(tmp_path: Path) -> None:
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "public.pem"
    file.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with Daemon(tmp_path / "daemon", "--no-agent", "--public-key", str(file)) as daemon:
        async with connect(f"{daemon.address}/sync", proxy=None) as socket:
            assert isinstance(await opened(socket, "lobby/0", signed(other, "ES256")), Denied)
            # The public key, taken for a shared secret (CVE-2015-9235 and its many brothers).
            forged = jwt.encode({"sub": "ada", "rooms": {"*": "writer"}, "exp": 2**33}, "x" * 32, "HS256")
            head, body, _ = forged.split(".")
            mac = hmac.digest(file.read_bytes(), f"{head}.{body}".encode(), "sha256")
            forged = f"{head}.{body}.{jwt.utils.base64url_encode(mac).decode()}"
            assert isinstance(await opened(socket, "lobby/0", forged), Denied)
            assert await opened(socket, "lobby/0", signed(key, "ES256")) == Authenticated("read-write")


@pytest.mark.anyio
async def test_U1_keys_that_are_renewed_in_the_JWKS_file_are_heeded_while_the_daemon_runs(
    tmp_path: Path,
) -> None:
    keys = {kid: rsa.generate_private_key(65537, 2048) for kid in ("old", "new")}
    file = tmp_path / "jwks.json"

    def publish(*kids: str) -> None:
        entries = [
            RSAAlgorithm.to_jwk(keys[kid].public_key(), as_dict=True) | {"kid": kid, "use": "sig"}
            for kid in kids
        ]
        (tmp_path / "next.json").write_text(json.dumps({"keys": entries}))
        (tmp_path / "next.json").replace(file)

    publish("old")
    with anyio.fail_after(PATIENCE), Daemon(tmp_path / "data", "--no-agent", "--jwks", str(file)) as daemon:
        async with connect(f"{daemon.address}/sync", proxy=None) as socket:
            old, new = (signed(keys[kid], "RS256", kid) for kid in ("old", "new"))
            assert await opened(socket, "lobby/0", old) == Authenticated("read-write")
            assert isinstance(await opened(socket, "lobby/1", new), Denied)
            publish("new")
            while True:
                if isinstance(await opened(socket, "lobby/1", new), Authenticated):
                    break
                await anyio.sleep(0.1)
            assert isinstance(await opened(socket, "lobby/2", old), Denied)
