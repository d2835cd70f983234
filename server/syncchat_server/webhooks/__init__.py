"""Webhooks: new messages are told to other programs, signed, at least once and in order (W6, W7).

The log is what they follow: a message is told when it is finished and durable, whoever wrote it, and
whether or not anybody listened then. What the log says goes into an outbox, and from there out.
"""

from syncchat_server.webhooks.hook import Hook, read_hooks
from syncchat_server.webhooks.sender import Pace
from syncchat_server.webhooks.service import run_webhooks

__all__ = ["Hook", "Pace", "read_hooks", "run_webhooks"]
