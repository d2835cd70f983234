"""The window: which pages of a room are shown, while the room's end moves on and its user scrolls."""

MAX_SHOWN = 8
"""Pages shown at once; past it those at the other end are shown no more."""


class Window:
    """Pages `low` to `high` are shown, without a gap; `first` to `newest` are there.

    As long as nobody scrolls it follows the end: the newest page, and the one that was newest before.
    """

    def __init__(self, newest: int, first: int) -> None:
        self.newest = newest
        self.first = min(first, newest)
        self._following = True
        self._downward = True
        self.low = self.high = newest
        self.is_fresh = True
        """Whether it was set on the newest page alone, and nobody has seen yet if that fills a screen."""

    def __contains__(self, page: object) -> bool:
        return isinstance(page, int) and self.low <= page <= self.high

    @property
    def pages(self) -> range:
        """The pages shown."""
        return range(self.low, self.high + 1)

    @property
    def all(self) -> range:
        """The pages that are there."""
        return range(self.first, self.newest + 1)

    @property
    def is_recent(self) -> bool:
        """Whether the newest page is shown."""
        return self.high == self.newest

    @property
    def has_older(self) -> bool:
        """Whether there is a page before those shown."""
        return self.low > self.first

    # What the cover says.

    def adjust(self, newest: int, first: int) -> None:
        """Other pages are there now: the end moves on, or the first ones were dropped."""
        recent, step = self.is_recent, newest - self.newest
        self.newest, self.first = newest, min(first, newest)
        if recent and step == 1:
            self._go_on()
        elif recent and step and self._following:
            self.to_end()
        if self.high > newest or self.high < self.first:  # what was shown is there no more
            self.to_end()
        self.low = max(self.low, self.first)

    def _go_on(self) -> None:
        if self._following:
            self.low, self.high = self.high, self.newest
        elif len(self.pages) < MAX_SHOWN:
            self.high = self.newest
        elif self._downward:
            self.low, self.high = self.low + 1, self.newest

    # What the user does.

    def stay(self) -> None:
        """Somebody scrolls: what is shown goes no more only because the end moves on."""
        self._following = False

    def extend_up(self) -> None:
        """Show the page before as well."""
        self.stay()
        self.low -= 1
        self._downward = self.is_fresh = False
        self.high = min(self.high, self.low + MAX_SHOWN - 1)

    def extend_down(self) -> None:
        """Show the page behind as well."""
        self.stay()
        self.high += 1
        self._downward = True
        self.low = max(self.low, self.high - MAX_SHOWN + 1)

    def to_end(self) -> None:
        """Show the newest page, and the one before if that is shown already."""
        self._following = self._downward = True
        both = self.is_recent and self.low < self.high
        self.high = self.newest
        self.low = self.high - 1 if both else self.high
        self.is_fresh = not both

    def fill(self, *, sparse: bool) -> None:
        """The newest page was seen: if it is `sparse`, the one before is shown as well."""
        if self.is_fresh and sparse and self.has_older:
            self.low -= 1
        self.is_fresh = False

    def go_to(self, low: int, high: int) -> None:
        """Show these pages."""
        self.stay()
        self._downward = self.is_fresh = False
        self.low, self.high = low, high
