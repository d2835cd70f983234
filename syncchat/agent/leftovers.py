"""What an earlier run left, or another process did, is put in order: nothing stays streaming (A8, A19)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from syncchat.agent.claims import Claim, Claims
from syncchat.agent.ears import is_growth
from syncchat.agent.errands import Errands
from syncchat.core.deltas import Added, Delta
from syncchat.core.ids import author_of
from syncchat.core.room import Room
from syncchat.paged_room import PagedRoom


class Leftovers:
    """The agent's own messages in `room` that are being streamed, and not by the turn of `errands`.

    They may arrive at any time: a replica learns late what was written before a crash. `stir` is called when
    there are some, for `finish` to be called outside of what goes on then.
    """

    def __init__(self, room: Room, claims: Claims, errands: Errands, *, stir: Callable[[], None]) -> None:
        self._room = room
        self._claims = claims
        self._errands = errands
        self._stir = stir
        self._found: set[str] = set()
        self._has_news = True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Look at what is there, and then at what comes while the context is open."""
        subscriptions = [self._room.timeline.listen(self._hear), self._claims.listen(self._hear_claims)]
        self._find()
        try:
            yield
        finally:
            for subscription in subscriptions:
                subscription.cancel()

    async def look_back(self, page: int) -> bool:
        """Finish what is on pages before those that are shown, from `page` on: they were the newest then.

        Nobody else may listen to the room meanwhile. False if they cannot be had now. Raises LogError.
        """
        room = self._room
        if not isinstance(room, PagedRoom) or page >= room.shown.start:
            return True
        try:
            if not await room.show_page(min(max(page, room.first) + 1, room.newest)):
                return False
            self._find()
            self.finish()
        finally:
            with anyio.CancelScope(shield=True):  # a later shift begins with the newest messages as well
                await room.recent()
        return True

    def finish(self) -> None:
        """Finish what was found, as interrupted; what has no word yet goes, and so does a second answer."""
        if not self._room.may_write:
            return
        if self._has_news:
            self._has_news = False
            for id in self._claims.doubles():
                self._take_back(id)
        found, self._found = self._found, set()
        for id in sorted(found):
            turn = self._errands.turn
            if self._is_open(id) and not (turn is not None and turn.is_about(id)):
                self._close(id)

    def _find(self) -> None:
        self._found.update(message.id for message in self._room.timeline if self._is_open(message.id))

    def _take_back(self, id: str) -> None:
        """Remove a second answer: of one that is finished it stays to be seen that there was one."""
        turn = self._errands.turn
        if not self._is_open(id):
            self._room.delete(id)
        elif turn is None or not turn.is_about(id):
            self._room.reopen(id).discard()

    def _close(self, id: str) -> None:
        claim = next((claim for claim in self._claims.all() if claim.reply == id), None)
        if claim is not None and claim.by != self._claims.process and self._has_better(claim):
            return
        stream = self._room.reopen(id)
        if stream.text.strip():
            stream.finish(state="interrupted")
        else:
            stream.discard()

    def _has_better(self, claim: Claim) -> bool:
        """Whether a process has a better right than this one, or as good a one, and lives."""
        lives = any(state.get("process") == claim.by for state in self._room.connections)
        return claim.fence > self._claims.fence or (claim.fence == self._claims.fence and lives)

    def _hear(self, deltas: list[Delta]) -> None:
        own = [delta for delta in deltas if author_of(delta.row) == self._room.user]
        if own and self._errands.turn is not None:
            self._errands.turn.look()
        if any(isinstance(delta, Added) for delta in own):
            # It may be a second answer, of a process that is no more: its claim that lost is no news here.
            self._has_news = True
            self._stir()
        for delta in own:
            if not is_growth(delta) and delta.row not in self._found and self._is_open(delta.row):
                self._found.add(delta.row)
                self._stir()

    def _hear_claims(self) -> None:
        if self._errands.turn is not None:
            self._errands.turn.check_claims()
        self._has_news = True
        self._stir()

    def _is_open(self, id: str) -> bool:
        message = self._room.message(id)
        return message is not None and message.user == self._room.user and message.streaming
