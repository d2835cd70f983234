"""A message while it is being written, piece by piece."""

from syncchat.core.codec import check_text
from syncchat.core.message import STATES, BadText, Body, check_size
from syncchat.core.page import Page


class Stream:
    """A message of one's own that grows until it is finished.

    Whoever deletes it ends it: from then on `append` and `finish` do nothing and return False. It is
    gone, too, if the server refuses it or drops its page, and when its doc is closed. `id` is another one
    after the message was stamped anew.
    """

    def __init__(self, id: str, page: Page, *, re: str | None, agent: bool) -> None:
        self._id = id
        self._page = page
        self._re = re
        self._agent = agent

    @property
    def id(self) -> str:
        """The message's id."""
        return self._page.now(self._id)

    @property
    def text(self) -> str:
        """What is written so far; empty if it is gone."""
        return self._page.streams.get(self.id) or ""

    @property
    def open(self) -> bool:
        """Whether it is still there, neither finished nor deleted."""
        return not self._page.store.is_closed and self._page.streams.size(self.id) is not None

    def append(self, token: str) -> bool:
        """Add to the end. False if somebody deleted it: stop writing then.

        Raises TextTooLong, and adds nothing, if it would be longer than MAX_TEXT bytes; ValueError for a
        token with half a surrogate pair.
        """
        if self._page.store.is_closed:
            return False
        with self._page.store.transaction():
            size = self._page.streams.size(self.id)
            if size is None:
                return False
            check_size(size + len(check_text(token, "a token").encode()))
            return self._page.streams.append(self.id, token)

    def finish(self, *, text: str | None = None, state: str | None = None) -> bool:
        """Make it a finished message, in one transaction; False if somebody deleted it.

        `text` replaces what was written. `state` is None for a complete message or one of STATES,
        else BadText is raised. Raises TextTooLong for a `text` over MAX_TEXT bytes.
        """
        if state is not None and state not in STATES:
            raise BadText(f"{state!r} is no state of a message: use one of {', '.join(sorted(STATES))}")
        if text is not None:
            check_size(len(check_text(text, "a text").encode()))
        written = self._page.streams.get(self.id)
        if written is None or self._page.store.is_closed:
            return False
        whole = written if text is None else text
        self._page.put(self.id, Body(whole, re=self._re, agent=self._agent, state=state))
        return True

    def discard(self) -> bool:
        """Remove it without a trace; False if it is gone already."""
        return self.open and self._page.streams.delete(self.id)
