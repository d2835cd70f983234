"""The line at the top: which room, whether the server is reached, and what waits to be acknowledged."""

from typing import Protocol

from textual.content import Content
from textual.widgets import Static

from syncchat.core.cover import Unread
from syncchat_tui.plain import plain


class Status(Protocol):
    """What the header shows of a peer's status."""

    @property
    def online(self) -> bool:
        """Whether the server is reached."""

    @property
    def wanted(self) -> bool:
        """Whether the user wants to be online."""

    @property
    def waiting(self) -> int:
        """How many changes the server has not acknowledged yet."""

    @property
    def problem(self) -> str | None:
        """What keeps the peer from working, in words for the user."""


def connection(status: Status, *, server: bool) -> tuple[str, str]:
    """The state of the connection in a word, and its style; `server` is whether there is one to reach."""
    if not server:
        return "○ this machine only", "$text-muted"
    if status.online:
        return "● online", "$success"
    if not status.wanted:
        return "○ offline", "$warning"
    return "… connecting", "$text-muted"


def counts(unread: Unread) -> str:
    """How many messages are unread, and in how many of them the user is mentioned; empty if none are."""
    mentions = f", {unread.mentions} @you" if unread.mentions else ""
    return f"{unread.messages} unread{mentions}" if unread.messages else ""


def header(room: str, status: Status, unread: Unread, *, server: bool) -> Content:
    """What the header says."""
    word, style = connection(status, server=server)
    parts = [Content.styled(f" #{room}", "bold"), Content("   "), Content.styled(word, style)]
    if unread.messages:
        parts.append(Content.styled(f"   {counts(unread)}", "$text-primary"))
    if status.waiting and server:
        changes = "change waits" if status.waiting == 1 else "changes wait"
        parts.append(Content.styled(f"   ◌ {status.waiting} {changes}", "$warning"))
    if status.problem:
        parts.append(Content.styled("   " + plain(status.problem.replace("\n", " ")), "$error"))
    return Content.assemble(*parts)


class Header(Static):
    """The header line; `show` brings it up to date, also when `room` has been changed."""

    def __init__(self, room: str, *, server: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self.room = room
        self._server = server

    def show(self, status: Status, unread: Unread) -> None:
        """Show this status, and what is unread; costs nothing if that is shown."""
        content = header(self.room, status, unread, server=self._server)
        if content != self.content:
            self.update(content, layout=False)
