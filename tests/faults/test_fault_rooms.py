"""A thousand rooms begun by one user: told which limit that is over, and in nobody's way."""

from pathlib import Path

import anyio
import pytest
from websockets.asyncio.client import ClientConnection, connect

from syncchat.core.closing import Closing, read_closing
from syncchat.core.grant import Role
from syncchat.core.ids import format_id
from syncchat.core.messages import Auth, Stateless, Status, Step1, Step2
from syncchat.errors import CloseCode
from syncchat.hub import Limits
from syncchat.peer import Peer
from syncchat.testing.client import Writer
from syncchat.testing.program import PATIENCE, Daemon
from syncchat_server.issuing import make_secret
from tests.faults.talker import DIALECT, frame
from tests.server.letting import token

ROOMS = 1000


async def begin(socket: ClientConnection, shown: str, docs: list[str]) -> dict[str, Status | Closing]:
    """Write a first message into each doc, at once on one link; returns what each was answered."""
    first = Step2(Writer().write(format_id(1, "ada", 1), {"text": "mine"}))
    answers: dict[str, Status | Closing] = {}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hear_all, socket, docs, answers)
        for doc in docs:
            for message in (Auth(shown), Step1(b"\x00"), first):
                await socket.send(frame(doc, message))
    return answers


async def hear_all(socket: ClientConnection, docs: list[str], answers: dict[str, Status | Closing]) -> None:
    while len(answers) < len(docs):
        heard = DIALECT.decode(await socket.recv(decode=False))
        assert heard is not None
        said = heard.message
        answer = read_closing(said.payload) if isinstance(said, Stateless) else said
        if heard.key is not None and isinstance(answer, Status | Closing):
            answers.setdefault(heard.key, answer)


@pytest.mark.anyio
async def test_L2_S7_who_begins_a_thousand_rooms_is_told_the_limit_and_nobody_else_notices(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    make_secret(folder)
    ada, bob, eve = (token(folder, user, {"*": Role.WRITER}) for user in ("ada", "bob", "eve"))
    most = int(Limits().new_docs_per_hour)
    with anyio.fail_after(4 * PATIENCE), Daemon(folder, "--no-agent") as daemon:
        async with (
            Peer(user="bob", token=bob, server=daemon.address) as writer,
            Peer(user="eve", token=eve, server=daemon.address) as reader,
            connect(f"{daemon.address}/sync", proxy=None) as socket,
        ):
            written, read = await writer.enter("lobby"), await reader.enter("lobby")
            docs = [f"room{number}/0" for number in range(ROOMS)]
            answers = await begin(socket, ada, docs)
            taken = [doc for doc, answer in answers.items() if answer == Status(True)]
            told = [answer for answer in answers.values() if isinstance(answer, Closing)]
            assert most <= len(taken) <= most + 10  # an hour's allowance grows while the test runs
            assert len(taken) + len(told) == ROOMS
            assert {(told.code, told.limit) for told in told} == {(CloseCode.TOO_MANY, "new_docs_per_hour")}
            assert all(told.retry for told in told)
            id = written.post("is anybody there?")
            await reader.until(lambda: read.message(id) is not None)
            (await writer.enter("begun-by-bob")).post("hello")
            await writer.settled()
            assert (writer.status.attempts, reader.status.attempts) == (1, 1)
    assert "Traceback" not in daemon.stderr()
