"""Health, readiness and metrics tell the truth, whether the log works, fails or hangs."""

import os
import resource
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread
import httpx2
import pytest
from websockets.asyncio.client import connect

from syncchat.core.dialect import HocuspocusDialect
from syncchat.core.ids import format_id
from syncchat.core.messages import Auth, Update
from syncchat.errors import LogFailed
from syncchat.log import SqliteLog
from syncchat.peer import Peer
from syncchat.testing.client import Writer
from syncchat.testing.program import PATIENCE, Daemon
from syncchat_server.health import FRESH_SECONDS, Health

DIALECT = HocuspocusDialect()


class Disk:
    """A log that is tried: it works, fails or hangs."""

    def __init__(self) -> None:
        self.tries = 0
        self.error: LogFailed | None = None
        self.hangs = False

    async def attempt(self) -> None:
        self.tries += 1
        if self.hangs:
            await anyio.sleep_forever()
        if self.error is not None:
            raise self.error


@pytest.fixture
def disk() -> Disk:
    return Disk()


def run_virtually(main: Callable[[], object]) -> None:
    from syncchat.testing import loop

    loop.run(main)  # type: ignore[arg-type]  # every caller gives a coroutine function


def test_R1_a_log_that_fails_makes_the_daemon_unready_until_it_works_again(disk: Disk) -> None:
    async def main() -> None:
        health = Health(disk.attempt)
        assert await health.problem() is None
        disk.error = LogFailed("the disk is full")
        await anyio.sleep(FRESH_SECONDS)
        assert await health.problem() == "the disk is full"
        disk.error = None
        await anyio.sleep(FRESH_SECONDS)
        assert await health.problem() is None

    run_virtually(main)


def test_R1_however_many_ask_the_log_is_tried_once_a_second(disk: Disk) -> None:
    async def main() -> None:
        health = Health(disk.attempt)
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(health.problem)
        assert disk.tries == 1

    run_virtually(main)


def test_R1_a_log_that_hangs_is_told_in_time(disk: Disk) -> None:
    async def main() -> None:
        disk.hangs = True
        assert "hangs" in (await Health(disk.attempt).problem() or "")

    run_virtually(main)


def test_R1_a_draining_daemon_is_unready_without_a_look_at_its_log(disk: Disk) -> None:
    async def main() -> None:
        health = Health(disk.attempt)
        health.draining = True
        assert "draining" in (await health.problem() or "")
        assert disk.tries == 0

    run_virtually(main)


@pytest.mark.anyio
async def test_R1_a_log_is_found_writable_or_not(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log", max_bytes=1 << 16) as log:
        await log.check_writable()
        with pytest.raises(LogFailed, match="limit for the file"):
            await log.append("doc", [os.urandom(1 << 17)])
        with pytest.raises(LogFailed, match="limit for the file"):
            await log.check_writable()  # a little would fit, but what came last did not
        await log.append("doc", [b"x"])
        await log.check_writable()
        await log.check_writable()


@pytest.mark.anyio
async def test_R1_a_failure_of_long_ago_is_tried_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncchat.log.sqlite.FAILING_SECONDS", 0.0)
    async with SqliteLog(tmp_path / "log", max_bytes=1 << 16) as log:
        with pytest.raises(LogFailed):
            await log.append("doc", [os.urandom(1 << 17)])
        await log.check_writable()


async def get(daemon: Daemon, path: str, *, behind_proxy: str = "") -> httpx2.Response:
    """What a GET is answered; a proxy on this machine has it from the address `behind_proxy`."""
    headers = {"X-Forwarded-For": behind_proxy} if behind_proxy else {}
    async with httpx2.AsyncClient(base_url=daemon.address.replace("ws://", "http://")) as client:
        return await client.get(path, headers=headers)


@pytest.mark.anyio
async def test_R1_a_daemon_tells_that_its_disk_fails_and_that_it_works_again(daemon: Daemon) -> None:
    def limit(size: int) -> None:
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    async def until(status: int) -> httpx2.Response:
        while True:
            answer = await get(daemon, "/readyz")
            if answer.status_code == status:
                return answer
            await anyio.sleep(0.1)

    with anyio.fail_after(2 * PATIENCE):
        assert (await until(200)).json() == {"status": "ready"}
        limit(8 << 10)
        assert "log.sqlite" in (await until(503)).json()["reason"]
        assert (await get(daemon, "/healthz")).json() == {"status": "alive"}
        limit(resource.RLIM_INFINITY)
        await until(200)


def value(text: str, name: str) -> float:
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name + " "))


@pytest.mark.anyio
async def test_R1_metrics_count_what_happened(daemon: Daemon) -> None:
    with anyio.fail_after(PATIENCE):
        async with (
            Peer(user="ada", server=daemon.address) as ada,
            Peer(user="bob", server=daemon.address) as bob,
        ):
            room, seen = await ada.enter("lobby"), await bob.enter("lobby")
            for number in range(20):
                room.post(f"message {number}")
            await ada.settled()
            await bob.until(lambda: len(seen.timeline) == 20)
            answer = await get(daemon, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.text
    commits, updates = value(text, "syncchat_commits_total"), value(text, "syncchat_updates_total")
    assert 1 <= commits <= updates <= 20
    assert value(text, "syncchat_commit_updates_count") == commits
    assert value(text, "syncchat_acknowledgement_seconds_count") >= updates
    assert value(text, "syncchat_frames_sent_total") >= commits
    assert value(text, "syncchat_connections") == 2
    assert value(text, "syncchat_sessions") >= 2
    assert value(text, "syncchat_updates_waiting") == 0
    assert value(text, "syncchat_backlog_bytes") == 0
    assert value(text, "syncchat_slow_readers_total") == 0
    assert value(text, "syncchat_rooms_loaded") == 1
    assert value(text, "process_resident_memory_bytes") > 0
    assert not [word for word in ("lobby", "ada", "bob") if word in text], "no label is what a user chose"


@pytest.mark.anyio
async def test_R1_metrics_count_refusals_by_rule_and_limits_by_name(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("[limits]\ndocs_per_link = 1\n")
    forged = Writer().write(format_id(1, "bob", 1), "not bob's words")
    with Daemon(tmp_path / "daemon", "--no-agent", "--config", str(settings)) as daemon:
        async with connect(f"{daemon.address}/sync", proxy=None) as socket:
            for message in (Auth("ada"), Update(forged)):
                await socket.send(DIALECT.encode("lobby/0", message) or b"")
            await socket.send(DIALECT.encode("lobby/1", Auth("ada")) or b"")
            with anyio.fail_after(PATIENCE):
                while True:
                    text = (await get(daemon, "/metrics")).text
                    if "refusals_total{" in text and "limits_hit_total{" in text:
                        break
                    await anyio.sleep(0.05)
    assert value(text, 'syncchat_refusals_total{rule="G1"}') == 1
    assert value(text, 'syncchat_limits_hit_total{limit="docs_per_link"}') == 1


@pytest.mark.anyio
async def test_R1_metrics_count_what_agents_ask_of_their_models(tmp_path: Path) -> None:
    with Daemon(tmp_path / "daemon") as daemon, anyio.fail_after(PATIENCE):
        async with Peer(user="ada", server=daemon.address) as ada:
            room = await ada.enter("lobby")
            await ada.until(lambda: len(room.people) == 2)
            room.post("@agent what is 6*7?")
            await ada.until(lambda: any(m.agent and not m.streaming for m in room.timeline))
            text = (await get(daemon, "/metrics")).text
    assert value(text, 'syncchat_agent_calls_total{agent="agent"}') >= 1
    assert value(text, 'syncchat_agent_failures_total{agent="agent"}') == 0
    assert value(text, 'syncchat_agent_tokens_in_total{agent="agent"}') > 0
    assert value(text, 'syncchat_agent_tokens_out_total{agent="agent"}') > 0
    assert value(text, 'syncchat_agent_money_total{agent="agent",currency="USD"}') == 0


@pytest.mark.anyio
async def test_R1_metrics_are_for_this_machine_and_the_networks_that_the_settings_name(
    tmp_path: Path,
) -> None:
    with Daemon(tmp_path / "daemon", "--no-agent", "--allow-metrics", "10.0.0.0/8") as daemon:
        assert (await get(daemon, "/metrics")).status_code == 200
        for address, status in (("10.1.2.3", 200), ("::ffff:10.1.2.3", 200), ("192.0.2.7", 403), ("x", 403)):
            answer = await get(daemon, "/metrics", behind_proxy=address)
            assert answer.status_code == status, address
        assert "--allow-metrics" in answer.text
        assert (await get(daemon, "/readyz", behind_proxy="192.0.2.7")).status_code == 200
