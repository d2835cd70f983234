"""The webhooks of a daemon: a follower, an outbox, and a sender for each hook."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import httpx2

from syncchat.errors import describe
from syncchat.hub import Hub
from syncchat.log import Log
from syncchat_server.webhooks.follower import Follower
from syncchat_server.webhooks.hook import Hook
from syncchat_server.webhooks.outbox import Outbox
from syncchat_server.webhooks.sender import Pace, Sender

logger = logging.getLogger("syncchat.webhooks")

AGAIN = 10.0
"""Seconds after which webhooks that failed are begun again."""


async def run_webhooks(
    open_log: Callable[[], Log],
    hub: Hub,
    outbox: Path,
    hooks: Sequence[Hook],
    pace: Pace | None = None,
) -> None:
    """Tell `hooks` of new messages in the rooms of `hub`, until cancelled.

    `open_log` makes a second handle on the hub's log; `outbox` is a file, which is made. Redirects
    are not followed. What fails is logged and begun again: it ends nothing else.
    """
    now = time.time_ns() // 1_000_000
    while True:
        try:
            await _run(open_log(), hub, outbox, hooks, pace or Pace(), now)
        except Exception as error:  # noqa: BLE001 - a bug here, or a full disk, must not end the daemon
            logger.error("webhooks failed, and begin again in %d s: %s", AGAIN, describe(error))
            await anyio.sleep(AGAIN)


async def _run(log: Log, hub: Hub, path: Path, hooks: Sequence[Hook], pace: Pace, now: int) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(log)
        outbox = await stack.enter_async_context(Outbox(path))
        client = await stack.enter_async_context(httpx2.AsyncClient(timeout=None, follow_redirects=False))
        senders = [Sender(hook, outbox, client, pace) for hook in hooks]

        def tell() -> None:
            for sender in senders:
                sender.look()

        tasks = await stack.enter_async_context(anyio.create_task_group())
        tasks.start_soon(Follower(log, hub, outbox, hooks, tell=tell).run, now)
        for sender in senders:
            tasks.start_soon(sender.run)
        await anyio.sleep_forever()
