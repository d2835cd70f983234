"""What the screen needs of a Peer."""

from collections.abc import Callable
from typing import Protocol

from syncchat.core.refusal import Refusal
from syncchat.paged_room import PagedRoom
from syncchat_tui.header import Status


class Subscription(Protocol):
    """What is cancelled to hear no more."""

    def cancel(self) -> None:
        """Hear no more."""


class Connection(Protocol):
    """What the screen needs of a Peer."""

    @property
    def status(self) -> Status:
        """The present status."""

    def listen(self, callback: Callable[[Status], None], /) -> Subscription:
        """Call back after each change of the status."""

    def go_offline(self) -> None:
        """Cut the link until `go_online`."""

    def go_online(self) -> None:
        """Reach for the server again."""

    @property
    def refusals(self) -> list[Refusal]:
        """What the server refused and nobody has dismissed, the oldest first."""

    def listen_refusals(self, callback: Callable[[list[Refusal]], None], /) -> Subscription:
        """Call back after each change of `refusals`."""

    async def dismiss(self, refusal: Refusal, /) -> None:
        """Keep it no longer."""

    async def enter(self, room: str, /) -> PagedRoom:
        """Enter a room, or be told the one that was entered before."""

    async def leave(self, room: str, /) -> None:
        """Leave a room."""
