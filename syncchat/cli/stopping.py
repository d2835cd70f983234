"""Verbs that go on until they are told to end."""

import signal

import anyio
from anyio.abc import TaskStatus


async def stop_on_signal(
    scope: anyio.CancelScope, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Cancel `scope` on SIGTERM and Ctrl-C: what is under way there comes to an end in order."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()
