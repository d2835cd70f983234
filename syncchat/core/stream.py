"""A message while it is being written, piece by piece."""

from collections.abc import Sequence

from syncchat.core.answer import (
    MAX_CALLS,
    MAX_CALLS_JSON,
    MAX_CITES,
    Call,
    Cite,
    are_calls,
    are_cites,
    ended,
    fitted,
)
from syncchat.core.codec import check_text
from syncchat.core.ids import check_name
from syncchat.core.message import MAX_PROBLEM, STATES, BadText, Body, check_size, printable
from syncchat.core.page import Page


class Stream:
    """A message of one's own that grows until it is finished.

    Whoever deletes it ends it: from then on `append` and `finish` do nothing and return False. It is
    gone, too, if the server refuses it or drops its page, and when its doc is closed. `id` is another one
    after the message was stamped anew.
    """

    def __init__(self, id: str, page: Page, draft: Body) -> None:
        self._id = id
        self._page = page
        self._draft = draft

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

    def show(self, *, calls: Sequence[Call]) -> bool:
        """Show the tool calls of the message while it is being written; False if somebody deleted it.

        Only an agent can: of anybody else nothing is shown. Results are cut to what fits. Raises BadText for
        calls that cannot be shown: more than MAX_CALLS, say, or arguments over MAX_CALLS_JSON bytes of JSON.
        """
        calls = _checked(calls)
        if self.open and self._draft.agent:
            self._draft = self._draft._replace(calls=calls)
            self._page.begin(self.id, self._draft)
        return self.open

    def finish(
        self,
        *,
        text: str | None = None,
        state: str | None = None,
        stopped_by: str | None = None,
        cites: Sequence[Cite] = (),
        calls: Sequence[Call] | None = None,
        problem: str | None = None,
    ) -> bool:
        """Make it a finished message, in one transaction; False if somebody deleted it.

        `text` replaces what was written. `state` is None for a complete message, which needs a text, or one
        of STATES. `calls` are those that were shown if not given; what is still open then has failed.
        `problem` is cut to MAX_PROBLEM characters. Raises BadText for what cannot be shown, TextTooLong for a
        `text` over MAX_TEXT bytes, InvalidName for a `stopped_by` that is no user.
        """
        _check_ending(text, state, cites)
        calls = self._draft.calls if calls is None else _checked(calls)
        written = self._page.streams.get(self.id)
        if written is None or self._page.store.is_closed:
            return False
        whole = written if text is None else text
        if state is None and not whole.strip():
            raise BadText("a message needs a text, unless it has failed: give a state, or discard it")
        body = self._draft._replace(
            text=whole,
            state=state,
            stopped_by=None if stopped_by is None else check_name(stopped_by, "user"),
            cites=tuple(cites),
            calls=ended(calls) if self._draft.agent else (),
            problem=None if problem is None else printable(problem[:MAX_PROBLEM]),
        )
        self._page.put(self.id, body)
        return True

    def discard(self) -> bool:
        """Remove it without a trace; False if it is gone already."""
        return self.open and self._page.discard(self.id)


def _check_ending(text: str | None, state: str | None, cites: Sequence[Cite]) -> None:
    if state is not None and state not in STATES:
        raise BadText(f"{state!r} is no state of a message: use one of {', '.join(sorted(STATES))}")
    if not are_cites(cites):
        raise BadText(f"a message cites up to {MAX_CITES} messages, by short labels and ids")
    if text is not None:
        check_size(len(check_text(text, "a text").encode()))


def _checked(calls: Sequence[Call]) -> tuple[Call, ...]:
    fitting = fitted(calls)
    if not are_calls(fitting):
        raise BadText(
            f"a message shows up to {MAX_CALLS} calls, each with `name`, `args` and `state`, "
            f"of up to {MAX_CALLS_JSON} bytes of JSON"
        )
    return fitting
