"""The line below the conversation: what is above and below the screen, or who is writing."""

from typing import NamedTuple

SHORT = 46
"""Below this many cells it says less."""


class Around(NamedTuple):
    """What is around the screen: how many came late above, how many new ones begin above, are below.

    `more`: there is more below than is loaded; `loading`: it is being loaded.
    """

    late: int = 0
    new: int = 0
    below: int = 0
    more: bool = False
    loading: bool = False


def hint(around: Around, width: int) -> str:
    """What is to be told of it; empty if nothing."""
    return "  ".join(part for part in (_above(around, width), _below(around)) if part)


def _above(around: Around, width: int) -> str:
    short = width < SHORT
    if around.late:
        messages = "message" if around.late == 1 else "messages"
        return (
            f"▲ {around.late} late (F5)" if short else f"▲ {around.late} {messages} arrived late above (F5)"
        )
    if around.new:
        return f"▲ {around.new} new (F5)" if short else f"▲ {around.new} new: they begin above (F5)"
    return ""


def _below(around: Around) -> str:
    if around.loading:
        return "▼ loading newer messages…"
    if around.below:
        return f"▼ {around.below} new below (End)"
    return "▼ newer messages below (End)" if around.more else ""
