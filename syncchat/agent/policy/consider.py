"""What the agent turns to next: one pure function, to be replaced as a whole."""

from collections.abc import Collection, Sequence

from syncchat.agent.addressing import request_to
from syncchat.agent.prompt import is_finished
from syncchat.core.message import Message


def consider(waiting: Sequence[Message], *, me: Collection[str]) -> tuple[Message | None, Sequence[Message]]:
    """Of the messages that wait, in their order: the one to judge now, and those that go on waiting.

    `me` are the names of the agent, its user id first. Each message that speaks to it has its turn. What
    people said among themselves in the meantime is judged as one, by the newest of it: a judgement
    for each would cost as much as they write, and come too late. Agents are not answered, and neither is
    what is unfinished, failed or deleted.
    """
    theirs = [
        message
        for message in waiting
        if is_finished(message) and not message.agent and message.user not in me
    ]
    for index, message in enumerate(theirs):
        if request_to(message.text, me) is not None:
            return message, theirs[index + 1 :]
    return (theirs[-1] if theirs else None), []
