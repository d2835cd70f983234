"""Claims: which reply to a message is the one, of all that the processes of an agent may begin (A8).

A claim is a row `claim|<message>|<agent>` of the room, which the guard lets only the agent write. It is
there before the model is called. Where two processes have claimed without knowing of each other, the merged
doc holds one of the two, the same everywhere: whoever finds the other's has lost.
"""

from collections.abc import Callable
from typing import NamedTuple

from syncchat.core.asking import Asked
from syncchat.core.message import UnknownMessage, read_id
from syncchat.core.presence import Subscription
from syncchat.core.room import Room

CLAIM = "claim"


class Claim(NamedTuple):
    """Process `by`, at its `fence`, answers the message `trigger` by `reply`, empty before that begins."""

    trigger: str
    by: str
    fence: int
    reply: str


class Claims:
    """The claims of one process of the agent that `room` is of; `fence` is the number of its tenure."""

    def __init__(self, room: Room, process: str, fence: int) -> None:
        self._room = room
        self.process = process
        self.fence = fence

    def claim(self, trigger: str, reply: str) -> bool:
        """Claim that `reply` (empty: one that is to come) answers `trigger`; False if it must not.

        That is if there is another answer, if a process has claimed it whose tenure did not end before this
        one's, and if the trigger is not there.
        """
        known = self.of(trigger)
        if known is not None and self._stands(known, reply):
            return False
        try:
            self._room.ask(CLAIM, trigger, {"by": self.process, "fence": self.fence, "reply": reply})
        except UnknownMessage:
            return False
        return True

    def _stands(self, known: Claim, reply: str) -> bool:
        if known.by != self.process and known.fence >= self.fence:
            return True
        # A reply that was taken back by who began it leaves its place to another one.
        return known.reply not in ("", reply) and self._room.message(known.reply) is not None

    def holds(self, trigger: str) -> bool:
        """Whether the claim to answer `trigger` is this process's."""
        known = self.of(trigger)
        return known is not None and known.by == self.process

    def of(self, trigger: str) -> Claim | None:
        """Who has claimed to answer `trigger`; None if nobody has."""
        return next((claim for claim in self.all() if claim.trigger == trigger), None)

    def all(self) -> list[Claim]:
        """All claims of the agent on the pages that are open, in the order of what is answered."""
        return sorted(filter(None, map(self._read, self._room.asked(CLAIM))))

    def doubles(self) -> list[str]:
        """Answers of the agent that are not the claimed ones, where these are there: to be deleted.

        Two processes wrote them that did not know of each other. Later versions are none.
        """
        claimed = {claim.trigger: claim.reply for claim in self.all() if self._is_there(claim.reply)}
        return [
            message.id
            for message in self._room.timeline
            if message.user == self._room.user
            and not message.deleted
            and message.of is None
            and message.re is not None
            and claimed.get(message.re, message.id) != message.id
        ]

    def listen(self, callback: Callable[[], None]) -> Subscription:
        """Hear when a claim of the agent is new or another's."""

        def hear(news: list[Asked]) -> None:
            if any(self._read(asked) for asked in news):
                callback()

        return self._room.listen_asked(hear)

    def _is_there(self, id: str) -> bool:
        message = self._room.message(id)
        return message is not None and not message.deleted

    def _read(self, asked: Asked) -> Claim | None:
        return read_claim(asked) if asked.user == self._room.user else None


def read_claim(asked: Asked) -> Claim | None:
    """The claim that a request is; None if it is none, or a malformed one."""
    if asked.verb != CLAIM:
        return None
    match asked.value:
        case {"by": str(by), "fence": int(fence), "reply": str(reply)} if not reply or read_id(reply):
            return Claim(asked.what, by, fence, reply)
    return None
