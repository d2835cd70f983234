"""What the server refused of one's own work: told between conversation and composer until it is dismissed."""

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from syncchat.core.refusal import Refusal
from syncchat_tui.plain import plain

MAX_LINES = 4
MAX_LINE = 200
"""Lines of a text, and characters of each, that are shown; taking it back gives all of it."""

WRITTEN = ("messages", "streams")


def kept_text(refusal: Refusal) -> str:
    """What there is to take back; empty for a deletion, a reaction and the like."""
    return refusal.text if refusal.row[0] in WRITTEN else ""


def panel(refusals: Sequence[Refusal]) -> Content:
    """What the panel says: why the oldest was refused, and what it was."""
    oldest, *others = refusals
    more = f"  (and {len(others)} more)" if others else ""
    why = plain(oldest.reason.replace("\n", " ")[:MAX_LINE])
    return Content("\n").join(
        [Content.styled(f"✗ Refused: {why}{more}", "bold $error"), *map(Content, _lines(oldest))]
    )


def _lines(refusal: Refusal) -> list[str]:
    text = kept_text(refusal)
    if not text:
        return [f"It was a change to {plain(refusal.row[0][:40])}; there is no text to take back."]
    lines = text[: MAX_LINES * MAX_LINE].split("\n")
    shown = [plain(line[:MAX_LINE]) for line in lines[:MAX_LINES]]
    whole = len(lines) <= MAX_LINES and all(len(line) <= MAX_LINE for line in lines)
    return shown if whole and len(text) <= MAX_LINES * MAX_LINE else [*shown, "…"]


class Refused(Static):
    """The panel; it is there only while there is something to tell."""

    def show(self, refusals: Sequence[Refusal]) -> None:
        """Show these refusals."""
        self.display = bool(refusals)
        self.update(panel(refusals) if refusals else "")
