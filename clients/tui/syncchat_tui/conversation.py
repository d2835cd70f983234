"""The conversation: the transcript, the line below it, and what leads to other places of it."""

import time
from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from syncchat.core.cover import Unread
from syncchat.core.presence import Subscription
from syncchat.paged_room import PagedRoom
from syncchat_tui.agents import agents_of, waits_until
from syncchat_tui.catching_up import Left
from syncchat_tui.coalesce import Coalesced
from syncchat_tui.hint import Around, hint
from syncchat_tui.paging import Doing, Paging
from syncchat_tui.people import doing
from syncchat_tui.reading import READ_AFTER, Reading
from syncchat_tui.steering import OFFERED, Steering
from syncchat_tui.transcript import Transcript


def _now() -> int:
    return time.time_ns() // 1_000_000


class Conversation(Vertical):
    """Shows a room's messages; goes where the user scrolls or is led, and tells the room what was read.

    `steering` asks its agents for things. `online` is whether the server is reached, `settled` whether no
    more is to be expected of it for now; `coalesced` makes of an action one that is not done too often; `now`
    is the time in ms since 1970.
    """

    class Changed(Message):
        """Another number is unread, or there is something else to be led to."""

    def __init__(
        self,
        room: PagedRoom,
        *,
        online: Callable[[], bool],
        settled: Callable[[], bool],
        coalesced: Callable[[Callable[[], None]], Coalesced],
        now: Callable[[], int] = _now,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.now = now
        self.transcript = Transcript(room, id="transcript")
        self._hint = Static(id="hint", markup=False)
        self.room = self._room = room
        self.steering = Steering(room, lambda: self.transcript.selected)
        self._countdown: Timer | None = None
        self._told: tuple[object, ...] | None = None
        self._look = coalesced(self.look)
        self._paging = Paging(
            room,
            self.transcript,
            start=self.run_worker,
            online=online,
            tell=self._tell,
            changed=self._look.poke,
        )
        self._reading = Reading(
            room,
            self.transcript,
            later=lambda callback: self.set_timer(READ_AFTER, callback),
            settled=settled,
        )

    def compose(self) -> ComposeResult:
        """The transcript, and one line."""
        yield self.transcript
        yield self._hint

    def on_mount(self) -> None:
        """Begin to listen."""
        self._countdown = self.set_interval(1, self._look.poke, pause=True)
        self._subscriptions: list[Subscription] = [
            self._room.listen_cover(self._look.poke),
            self._room.listen_people(lambda _: self._look.poke()),
        ]
        self._look.poke()

    def on_unmount(self) -> None:
        """Listen no more."""
        self._paging.stop()
        for subscription in self._subscriptions:
            subscription.cancel()

    # What is shown

    @property
    def unread(self) -> Unread:
        """What is to be told as unread."""
        return self._reading.unread

    @property
    def leads_above(self) -> bool:
        """Whether `go_above` leads anywhere."""
        return bool(self._reading.late or self._reading.new_above)

    @property
    def left(self) -> Left | None:
        """Behind which message begins what is new to the user; the selected one, if one is."""
        selected = self.transcript.selected
        return self._reading.left if selected is None else Left(selected)

    def look(self) -> None:
        """Something has changed: bring all of it in line."""
        self._paging.look()
        self._reading.look()
        self.transcript.lead = self._paging.lead
        around = hint(self._around, self.size.width)
        self._hint.set_class(bool(around), "-unseen")
        text = around or self._who_writes()
        if text != self._hint.content:
            self._hint.update(text)
        told = (self.unread, self.leads_above, *map(self.steering.offers, OFFERED))
        if told != self._told:
            self._told = told
            self.post_message(self.Changed())

    @property
    def _around(self) -> Around:
        recent = self._room.is_recent
        return Around(
            late=len(self._reading.late),
            new=self._reading.new_above,
            below=self.transcript.unseen if recent else self._room.unread.messages,
            more=not recent,
            loading=self._paging.doing is Doing.NEWER,
        )

    def _who_writes(self) -> str:
        others = [person for person in self._room.people if person.user != self._room.user]
        waiting = [agent for agent in agents_of(others) if agent.state == "waiting"]
        if self._countdown is not None:
            (self._countdown.resume if waiting else self._countdown.pause)()
        waits = [waits_until(agent, self.now()) for agent in waiting]
        busy = [f"{person.user} is {doing(person)}" for person in others if doing(person)]
        return "  ".join([*waits[:2], *busy[:3]])

    def _tell(self, notice: str) -> None:
        self.notify(notice, severity="warning", markup=False)

    # What the user does

    def go_to_end(self) -> None:
        """Go to the newest message."""
        self._paging.to_end()

    def go_to_start(self) -> None:
        """Go to the start of what is loaded; what is before it is loaded then."""
        self.transcript.go_to_start()

    def go_to(self, id: str, page: int | None = None) -> None:
        """Go to a message, and select it; its page is looked for if it is not told."""
        self._paging.to_message(id, page)

    def go_above(self) -> None:
        """Go to the first late message above the screen, or to where the new ones begin."""
        late = self._reading.late
        if late:
            self._paging.to_message(*late[0])
        else:
            self._paging.to_new()

    def all_read(self) -> None:
        """Nothing is new any more."""
        self._reading.all_read()
        self._look.poke()

    def focus_changed(self, focused: bool) -> None:
        """The user looks at the terminal, or elsewhere."""
        self._reading.focus(focused)
        self._look.poke()

    def server_reached(self) -> None:
        """The server is there again."""
        self._paging.reached()
        self._look.poke()

    def on_transcript_edge(self, event: Transcript.Edge) -> None:
        """The user comes to where what is loaded ends."""
        self._paging.edge(event.step)

    def on_transcript_moved(self) -> None:
        """Something else is in view, or there is something new."""
        self._look.poke()
