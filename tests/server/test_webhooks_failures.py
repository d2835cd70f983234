"""Webhooks tell at least once and in order, whoever fails meanwhile: receivers, the daemon, the log."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest

from syncchat.core.message import MAX_TEXT
from syncchat.log import SqliteLog
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon
from syncchat_server.folder import OUTBOX_NAME
from syncchat_server.webhooks import Hook, Pace, outbox
from tests.server.letting import run
from tests.server.receiving import (
    KEY,
    SECRET,
    STALL,
    Receiver,
    hooks_file,
    peer_of,
    post,
    serving,
    told_and_known,
    until,
)


@pytest.mark.anyio
async def test_W7_a_receiver_that_fails_gets_everything_in_order_later(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answers = [500, 429, 404, 307]
    async with serving(tmp_path, Hook(receiver.url, KEY)) as hub:
        ids = await post(hub, *(f"number {number}" for number in range(20)))
        await until(lambda: len(receiver.taken) == 20)
    assert receiver.ids == ids
    assert receiver.refused == 4
    assert set(receiver.paths) == {"/hook"}, "a redirect was followed"


@pytest.mark.anyio
async def test_W7_a_receiver_that_stalls_is_asked_again(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers = [STALL]
    pace = Pace(patience=0.2, first=0.01, longest=0.05)
    async with serving(tmp_path, Hook(receiver.url, KEY), pace=pace) as hub:
        [id] = await post(hub, "hello")
        await until(lambda: receiver.ids == [id])
    assert receiver.refused == 1


@pytest.mark.anyio
async def test_W7_a_room_that_is_not_taken_holds_up_no_other(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers = [STALL]
    async with serving(tmp_path, Hook(receiver.url, KEY), pace=Pace(patience=PATIENCE)) as hub:
        await post(hub, "stuck", room="one")
        await until(lambda: receiver.refused == 1)
        await post(hub, "free", room="two")
        await until(lambda: receiver.told == [("message.created", "two", "free")])


@pytest.mark.anyio
async def test_W7_what_was_written_while_nobody_listened_is_told_later(
    tmp_path: Path, receiver: Receiver
) -> None:
    hook = Hook(receiver.url, KEY)
    long = ["a" * MAX_TEXT, "b" * MAX_TEXT, "c" * MAX_TEXT, "d" * MAX_TEXT]
    async with serving(tmp_path, hook) as hub:
        await post(hub, "first")
        await until(lambda: len(receiver.taken) == 1)
        await told_and_known(tmp_path)
    async with serving(tmp_path) as hub:  # the webhooks are off
        await post(hub, *long)
        async with peer_of(hub, "bob") as peer:
            (await peer.enter("lobby")).post("third")
            await peer.settled()
        await until(lambda: not hub.loaded)  # compacted: what was told and what was not are one entry
    async with SqliteLog(tmp_path / "log.sqlite") as log:
        assert len(await log.read("lobby/0")) == 1
    async with serving(tmp_path, hook):
        await until(lambda: len(receiver.taken) == 6)
    assert [text for _, _, text in receiver.told] == ["first", *long, "third"]


@pytest.mark.anyio
async def test_W7_what_changed_before_it_could_be_told_is_told_as_it_is_then(
    tmp_path: Path, receiver: Receiver
) -> None:
    hook = Hook(receiver.url, KEY)
    async with serving(tmp_path, hook) as hub:
        await post(hub, "first")
        await until(lambda: len(receiver.taken) == 1)
        await told_and_known(tmp_path)
    async with serving(tmp_path) as hub:  # the webhooks are off
        async with peer_of(hub) as peer:
            room = await peer.enter("lobby")
            await peer.settled()
            changed, gone = room.post("tea"), room.post("a slip")
            await peer.settled()
            room.edit(changed, "coffee")
            room.delete(gone)
            await peer.settled()
        await until(lambda: not hub.loaded)
    async with serving(tmp_path, hook) as hub:
        await post(hub, "last")
        await until(lambda: len(receiver.taken) == 3)
    assert [text for _, _, text in receiver.told] == ["first", "coffee", "last"]


@pytest.mark.anyio
async def test_W7_R4_a_log_that_was_restored_from_a_backup_is_followed_too(
    tmp_path: Path, receiver: Receiver
) -> None:
    hook = Hook(receiver.url, KEY)
    log = tmp_path / "log.sqlite"
    async with serving(tmp_path, hook) as hub:
        await post(hub, "first")
        await until(lambda: len(receiver.taken) == 1)
        await told_and_known(tmp_path)
    kept = log.read_bytes()
    async with serving(tmp_path, hook) as hub:
        for number in range(3):
            await post(hub, f"lost {number}")
        await until(lambda: len(receiver.taken) == 4)
        await told_and_known(tmp_path)
    log.write_bytes(kept)
    async with serving(tmp_path, hook) as hub:
        await post(hub, "after")
        await until(lambda: len(receiver.taken) == 5)
    assert receiver.told[-1] == ("message.created", "lobby", "after")


@pytest.mark.anyio
async def test_W7_past_the_bound_the_oldest_are_dropped_and_the_log_says_how_many(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox, "MAX_EVENTS", 3)
    receiver.answers = [STALL]
    async with serving(tmp_path, Hook(receiver.url, KEY), pace=Pace(patience=PATIENCE)) as hub:
        await post(hub, *(f"secret {number}" for number in range(10)))
        await until(lambda: "7 messages dropped" in caplog.text)
    assert "secret" not in caplog.text


@pytest.mark.anyio
async def test_W7_a_receiver_that_is_away_is_told_of_in_one_line_without_its_address(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [503] * 5
    async with serving(tmp_path, Hook(receiver.url + "?key=cellar", KEY)) as hub:
        await post(hub, "the cake")
        await until(lambda: "delivered again" in caplog.text)
    lines = [record.getMessage() for record in caplog.records if record.name == "syncchat.webhooks"]
    assert len(lines) == 2
    assert "503" in lines[0]
    assert "cellar" not in caplog.text
    assert "cake" not in caplog.text


# The daemon


@contextmanager
def hooked_daemon(folder: Path, url: str) -> Iterator[Daemon]:
    path = hooks_file(folder, f'url = "{url}"\nsecret = "{SECRET}"\nrooms = "lob*"')
    with Daemon(folder / "daemon", "--no-agent", "--webhooks", str(path)) as daemon:
        yield daemon


def send(daemon: Daemon, text: str) -> str:
    """Post over HTTP, again while the machine is too busy; returns the id of a message that is durable."""
    url = daemon.address.replace("ws:", "http:") + "/api/v1/rooms/lobby/messages"
    headers = {"authorization": "Bearer ada", "idempotency-key": text}
    for _ in range(3):
        answer = httpx2.post(url, json={"text": text}, headers=headers, timeout=PATIENCE)
        if answer.status_code != 503:
            break
    assert answer.is_success, answer.text
    id: str = answer.json()["id"]
    return id


@pytest.mark.anyio
async def test_W7_D5_what_was_acknowledged_before_the_daemon_was_killed_is_told_after_it_is_back(
    tmp_path: Path,
) -> None:
    away = Receiver()
    away.close()  # its port is nobody's now
    with hooked_daemon(tmp_path, away.url) as daemon:
        ids = [send(daemon, f"number {number}") for number in range(10)]
        daemon.kill()
        back = Receiver(away.port)
        try:
            daemon.start()
            await until(lambda: len(back.taken) >= 10)
        finally:
            back.close()
    assert back.ids == ids
    assert "number" not in daemon.stderr()


@pytest.mark.anyio
async def test_W7_D5_who_was_told_when_the_daemon_was_killed_is_told_again_under_the_same_id(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answers = [STALL]  # it has got the message, and the daemon does not know it yet
    with hooked_daemon(tmp_path, receiver.url) as daemon:
        id = send(daemon, "hello")
        await until(lambda: receiver.refused == 1)
        daemon.restart()
        await until(lambda: receiver.ids == [id])
        last = send(daemon, "bye")
        await until(lambda: receiver.ids == [id, last])


class Script(threading.Thread):
    """Posts one message after the other, each until it is acknowledged, whatever happens meanwhile."""

    def __init__(self, daemon: Daemon) -> None:
        super().__init__()
        self.acknowledged: list[str] = []
        self.odd: list[int] = []
        self._stopped = threading.Event()
        self._url = daemon.address.replace("ws:", "http:") + "/api/v1/rooms/lobby/messages"

    def run(self) -> None:
        while not self._stopped.is_set():
            text = f"number {len(self.acknowledged)}"
            headers = {"authorization": "Bearer ada", "idempotency-key": text}
            try:
                answer = httpx2.post(self._url, json={"text": text}, headers=headers, timeout=PATIENCE)
            except httpx2.TransportError:
                self._stopped.wait(0.05)  # the daemon is down: it needs the processor to come back
                continue
            if answer.is_success:
                self.acknowledged.append(answer.json()["id"])
            elif answer.status_code != 503:
                self.odd.append(answer.status_code)

    def has(self, messages: int) -> bool:
        return len(self.acknowledged) >= messages

    def stop(self) -> None:
        self._stopped.set()
        self.join()


@pytest.mark.anyio
async def test_W2_W7_D5_killed_again_and_again_everything_acknowledged_is_there_once_and_told_in_order(
    tmp_path: Path, receiver: Receiver
) -> None:
    with hooked_daemon(tmp_path, receiver.url) as daemon:
        script = Script(daemon)
        script.start()
        try:
            for kill in range(6):
                await until(partial(script.has, 5 * (kill + 1)))
                daemon.restart()
        finally:
            script.stop()
        await until(lambda: set(script.acknowledged) <= set(receiver.ids))
        async with Peer(user="bob", server=daemon.address) as peer:
            room = await peer.enter("lobby")
            await peer.settled()
            ids = [message.id for message in room.timeline]
    assert script.odd == []
    # The last one may have been posted and not acknowledged when the script stopped.
    assert ids[: len(script.acknowledged)] == script.acknowledged == sorted(script.acknowledged)
    assert len(ids) <= len(script.acknowledged) + 1
    assert list(dict.fromkeys(receiver.ids))[: len(script.acknowledged)] == script.acknowledged


@pytest.mark.anyio
async def test_W7_R3_a_receiver_that_stalls_does_not_keep_the_daemon_from_ending(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answers = [STALL]
    with hooked_daemon(tmp_path, receiver.url) as daemon:
        id = send(daemon, "hello")
        await until(lambda: receiver.refused == 1)
        assert daemon.process.terminate() == 0
        daemon.start()
        await until(lambda: receiver.ids == [id])


def test_W6_a_daemon_with_webhooks_that_cannot_be_does_not_start(tmp_path: Path) -> None:
    done = run("serve", "--port", 0, "--data", tmp_path / "daemon", "--webhooks", tmp_path / "none.toml")
    assert done.returncode == 2
    assert "none.toml cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.anyio
async def test_W7_S7_an_outbox_that_is_damaged_is_told_with_its_remedy_and_stops_nothing_else(
    tmp_path: Path, receiver: Receiver
) -> None:
    (tmp_path / "daemon").mkdir()
    (tmp_path / "daemon" / OUTBOX_NAME).write_bytes(b"no outbox at all" * 100)
    with hooked_daemon(tmp_path, receiver.url) as daemon:
        send(daemon, "hello")
        await until(lambda: f"{OUTBOX_NAME} cannot be used" in daemon.stderr())
        assert "move it away" in daemon.stderr()
