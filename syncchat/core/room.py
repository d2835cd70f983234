"""A room: the chat that a cover and pages hold, read and written with no network."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from syncchat.core.asking import AFAR, MAX_VALUE, Asked, asked_key, from_afar
from syncchat.core.changes import Change
from syncchat.core.codec import dump
from syncchat.core.grant import Role
from syncchat.core.ids import (
    HLC_WIDTH,
    MAX_AHEAD,
    Hlc,
    MessageId,
    base32,
    check_name,
    format_id,
    page_name,
    parse_id,
)
from syncchat.core.late import came_since
from syncchat.core.listeners import Signal
from syncchat.core.message import (
    BadText,
    Body,
    Message,
    Reaction,
    TextTooLong,
    UnknownMessage,
    check_message_text,
    may_replace,
    reaction_key,
)
from syncchat.core.page import MESSAGES, REQUESTS, Page
from syncchat.core.people import Person, PresenceLike, people
from syncchat.core.presence import Subscription
from syncchat.core.store import Store
from syncchat.core.stream import Stream
from syncchat.core.tables import Table
from syncchat.core.timeline import Timeline
from syncchat.errors import Refused, SyncchatError


class Room:
    """A chat room, as `user` sees and writes it.

    Every method works at once on the local replica: none awaits, and none needs a server. `rand`
    returns 40 random bits; `is_waiting(doc, root, key)` whether a change to that row is not acknowledged yet.
    """

    def __init__(
        self,
        name: str,
        user: str,
        *,
        hlc: Hlc,
        rand: Callable[[], int],
        presence: PresenceLike,
        is_waiting: Callable[[str, str, str], bool],
    ) -> None:
        self.name = check_name(name, "room")
        self.user = check_name(user, "user")
        self._hlc = hlc
        self._rand = rand
        self._presence = presence
        self._is_waiting = is_waiting
        self._pages: dict[int, tuple[Page, Subscription]] = {}
        self._about_room: Table | None = None
        self.role: Role | None = None
        """What the server lets us do here; None until it has said so."""
        self._roles: Signal[Role] = Signal("listeners to roles failed")
        self._asked: Signal[list[Asked]] = Signal("listeners to requests failed")
        self.timeline = Timeline(durable=self._is_durable, see=self._see)

    @property
    def now(self) -> int:
        """What the server's clock shows now, as far as that is known: messages have their times by it."""
        return self._hlc.now

    # What the peer does: which docs the room is made of, and what became of them.

    def attach(self, page: int, store: Store, *, shown: bool = True) -> None:
        """Take in a page, and show it; the newest one attached takes new posts. Not inside a transaction.

        Raises ValueError if it is attached.
        """
        if page in self._pages:
            raise ValueError(f"page {page} of room {self.name!r} is attached already")
        attached = Page(page, page_name(self.name, page), store)
        self._pages[page] = (attached, store.listen(lambda changes: self._apply(attached, changes)))
        if shown:
            self.timeline.show(attached)

    def detach(self, page: int) -> None:
        """Let go of a page; does nothing if it is not attached."""
        attached, subscription = self._pages.pop(page, (None, None))
        if attached is not None and subscription is not None:
            subscription.cancel()
            self.timeline.hide(attached)

    def page(self, number: int) -> Page:
        """A page that is attached. Raises KeyError."""
        return self._pages[number][0]

    def attach_cover(self, store: Store) -> None:
        """Read title and topic from this cover; a room that was made offline has none."""
        self._about_room = store.table("about")

    def acknowledged(self, doc: str, rows: Iterable[tuple[str, str]]) -> None:
        """These rows, as (root, key), became durable on the server: tell whoever shows them."""
        ids = dict.fromkeys(key for root, key in rows if root == MESSAGES)
        for page, _ in self._pages.values():
            if page.name == doc:
                self.timeline.restyle(page, ids)

    def admit(self, role: Role) -> None:
        """The server has told what we may do here."""
        if role is not self.role:
            self.role = role
            self._roles.tell(role)

    def rename(self, ids: Mapping[str, str]) -> None:
        """Own messages were stamped anew, old id -> new id; whoever knows the old ones still finds them."""
        for page, _ in self._pages.values():
            page.renamed.update(ids)

    # Messages

    def late_since(self, id: str, seen: int | None = None) -> set[str]:
        """The late messages that came since `id` did, and stand before it, as far as the open pages tell.

        With `seen` only those that came when so many messages had arrived in the room.
        """
        return came_since((page for page, _ in self._pages.values()), id, seen)

    def message(self, id: str) -> Message | None:
        """The message with this id, or that had it before it was stamped anew; None if there is none."""
        return self.timeline.get(self._now(id))

    def post(self, text: str, *, re: str | None = None) -> str:
        """Write a message and return its id; `re` is the id of the message it answers.

        Raises BadText for an empty text, TextTooLong for one of more than MAX_TEXT bytes of UTF-8,
        InvalidName for a `re` that is no id, and Refused (G11), like all that writes here, for a reader.
        """
        page, id = self._newest(), self._new_id(re)
        page.messages.set(id, Body(check_message_text(text), re=re and self._now(re)).to_json())
        return id

    def edit(self, id: str, text: str) -> None:
        """Give an own message another text; one that is being streamed is finished by that.

        Raises Refused (G1) for somebody else's, UnknownMessage for one that is not there or was
        deleted, BadText and TextTooLong like `post`.
        """
        page, message = self._own(id)
        if message.deleted:
            raise UnknownMessage(f"message {id} was deleted")
        check_message_text(text)
        body = page.body(message.id) or Body(text, agent=message.agent)
        page.put(message.id, body._replace(text=text, edited=self._hlc.next()))

    def delete(self, id: str) -> None:
        """Take back the text of an own message, also while it is being streamed; a moderator, of anybody's.

        Raises Refused (G1) for somebody else's, UnknownMessage for one that is not there.
        """
        page, message = self._own(id, but_for=Role.MODERATOR)
        if not message.deleted:
            by = None if message.user == self.user else self.user
            page.put(message.id, Body("", deleted=True, by=by))

    def may_delete(self, id: str) -> bool:
        """Whether `delete` would do anything, as far as the server has said what we may."""
        message = self.message(id)
        if message is None or message.deleted or not self.may_write:
            return False
        return message.user == self.user or self.role is Role.MODERATOR

    def versions(self, id: str) -> list[Message]:
        """The earlier versions of a message that are on the attached pages, oldest first."""
        message = self.message(id)
        found: list[Message] = []
        while message is not None and message.of is not None:  # which is earlier: this comes to an end
            message = self.message(message.of)
            found += [] if message is None else [message]
        return found[::-1]

    def stream(self, *, re: str | None = None, of: str | None = None, agent: bool = True) -> Stream:
        """Begin a message that is written piece by piece; raises InvalidName for a `re` that is no id.

        With `agent` it will say that an agent wrote it, unless the server has told that this one is none.
        `of` is the id of an earlier message of one's own which this one replaces; else BadText is raised.
        """
        page, id = self._newest(), self._new_id(re)
        replaced = None if of is None else self._now(of)
        if replaced is not None and not may_replace(replaced, id):
            raise BadText("a later version replaces an earlier message of one's own")
        draft = Body("", re=re and self._now(re), of=replaced)
        page.begin(id, draft)
        return self._writing(page, id, draft, agent)

    def reopen(self, id: str, *, agent: bool = True) -> Stream:
        """Go on with an own message that was being streamed when its writer stopped.

        `agent` is as for `stream`. Raises Refused (G1) for somebody else's, UnknownMessage if it is not
        there or finished.
        """
        page, message = self._own(id)
        if not message.streaming:
            raise UnknownMessage(f"message {id} is finished")
        return self._writing(page, message.id, page.draft(message.id), agent)

    def _writing(self, page: Page, id: str, draft: Body, agent: bool) -> Stream:
        page.writing.add(id)
        return Stream(id, page, draft._replace(agent=agent and self._may_be_agent))

    @property
    def _may_be_agent(self) -> bool:
        return self.role in (None, Role.AGENT)

    def react(self, id: str, emoji: str, on: bool = True) -> None:
        """Set or take back one's reaction to a message.

        Raises UnknownMessage, and BadText for an emoji that is not 1 to 32 characters without `|`.
        """
        self._check_role()
        page = self._page_of(id)
        key = reaction_key(Reaction(page.now(id), self.user, emoji))
        if not on:
            page.reactions.delete(key)
        elif key not in page.reactions:
            page.reactions.set(key, 1)

    # Requests to agents and to the server

    def ask(self, verb: str, id: str | None = None, value: Any = 1) -> str:
        """Ask for something about a message, `stop` say, or about none; returns the `what` of the request.

        What has to be heard now is written on the newest page, and the rest beside the message.
        Asking again with another `value`, which is JSON, takes the place of the earlier request; with the
        same one it changes nothing. Raises UnknownMessage, InvalidName for a verb that is no name,
        TextTooLong for a value over MAX_VALUE bytes of JSON, ValueError or TypeError for one that is no JSON.
        """
        self._check_role()
        if len(dump(value).encode()) > MAX_VALUE:
            raise TextTooLong(f"what is asked has more than {MAX_VALUE} bytes of JSON")
        page = self._newest() if id is None else self._page_of(id)
        what = base32(self._hlc.next(), HLC_WIDTH) if id is None else page.now(id)
        if verb in AFAR and page is not self._newest():
            page, value = self._newest(), from_afar(value, page.number)
        key = asked_key(verb, what, self.user)
        if page.requests.read(key) != value:
            page.requests.set(key, value)
        return what

    def asked(self, verb: str | None = None) -> Iterator[Asked]:
        """Every request on the attached pages, or those with a verb, in no particular order."""
        for page, _ in list(self._pages.values()):
            yield from page.asked(verb)

    def listen_asked(self, callback: Callable[[list[Asked]], None]) -> Subscription:
        """Hear of requests that are new or say something else, once per transaction."""
        return self._asked.listen(callback)

    # Who is here

    @property
    def people(self) -> list[Person]:
        """Who is here now, sorted by user id."""
        return people(self._presence.states)

    @property
    def connections(self) -> list[Mapping[str, Any]]:
        """What each connection says of itself, our own included; a user may have several."""
        return list(self._presence.states.values())

    @property
    def online(self) -> bool | None:
        """Whether a server tells us now who else is here; None if there is no server that could."""
        return None

    @property
    def is_whole(self) -> bool:
        """Whether all that the server has of what is shown is here, as far as anything can be had now."""
        return True

    def set_presence(self, **fields: Any) -> None:
        """Say something of oneself (`state="writing"`), next to what was said before; None takes it back.

        Raises ValueError if it gets too large.
        """
        state = dict(self._presence.local or {}) | fields | {"user": self.user}
        self._presence.set_local({name: value for name, value in state.items() if value is not None})

    def listen_people(self, callback: Callable[[list[Person]], None]) -> Subscription:
        """Hear who is here, each time that somebody comes, goes or says something new."""
        return self._presence.listen(lambda: callback(self.people))

    # What we may do

    @property
    def may_write(self) -> bool:
        """Whether we may write here, as far as the server has said."""
        return self.role is None or self.role.writes

    def listen_role(self, callback: Callable[[Role], None]) -> Subscription:
        """Hear when the server has told another role."""
        return self._roles.listen(callback)

    # The cover

    @property
    def title(self) -> str:
        """The room's title; empty if it has none."""
        return self._about("title")

    @property
    def topic(self) -> str:
        """What the room talks about; empty if nobody said."""
        return self._about("topic")

    def _about(self, key: str) -> str:
        value = None if self._about_room is None else self._about_room.get(key)
        return value if isinstance(value, str) else ""

    def _apply(self, page: Page, changes: list[Change]) -> None:
        self.timeline.apply(page, changes)
        rows = [change.row for change in changes if change.table == REQUESTS]
        asked = [asked for asked in map(page.read_asked, rows) if asked is not None]
        if asked:
            self._asked.tell(asked)

    def _see(self, id: MessageId) -> None:
        # A clock far ahead would drag everybody's with it, and put all later posts below it.
        own = id.user == self.user and not self._hlc.corrected
        self._hlc.see(id.hlc, ahead=None if own else MAX_AHEAD)

    def _is_durable(self, page: Page, id: str) -> bool:
        return not self._is_waiting(page.name, MESSAGES, id)

    def _check_role(self) -> None:
        if not self.may_write:
            raise Refused("G11", f"you may read room {self.name!r} and not write in it")

    def _now(self, id: str) -> str:
        for page, _ in self._pages.values():
            id = page.now(id)
        return id

    def _newest(self) -> Page:
        self._check_role()
        if not self._pages:
            raise SyncchatError(f"room {self.name!r} has no page attached: enter it first")
        return self._pages[max(self._pages)][0]

    def _new_id(self, re: str | None) -> str:
        if re is not None:
            parse_id(re)
        return format_id(self._hlc.next(), self.user, self._rand())

    def _page_of(self, id: str) -> Page:
        page = self.timeline.page_of(self._now(id))
        if page is None:
            raise UnknownMessage(f"no message {id[:60]!r} on the attached pages")
        return page

    def _own(self, id: str, *, but_for: Role | None = None) -> tuple[Page, Message]:
        """A message that we may write, or that somebody in the role `but_for` may."""
        self._check_role()
        page, message = self._page_of(id), self.message(id)
        if message is None:
            raise UnknownMessage(f"no message {id!r}")
        if message.user != self.user and (but_for is None or self.role is not but_for):
            raise Refused("G1", f"message {id} belongs to another user", ((MESSAGES, id),))
        return page, message
