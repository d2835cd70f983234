"""What tests see of the screen, and how they wait for what other tasks have to do."""

from collections.abc import Callable

import anyio
from textual.widgets import Static

from syncchat_tui.app import ChatApp
from syncchat_tui.header import Header

SECONDS = 20


def rows(app: ChatApp) -> list[str]:
    """The lines of the conversation that are on the screen."""
    transcript = app.transcript
    return [transcript.render_line(y).text.rstrip() for y in range(transcript.size.height)]


def screen(app: ChatApp) -> str:
    """The conversation as it is on the screen."""
    return "\n".join(rows(app))


def header(app: ChatApp) -> str:
    """The line at the top."""
    return str(app.query_one(Header).content)


def hint(app: ChatApp) -> str:
    """The line below the conversation."""
    return str(app.query_one("#hint", Static).content)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what other tasks have to do."""
    with anyio.fail_after(SECONDS):
        while not condition():  # noqa: ASYNC110 - a screen tells nobody that it has drawn
            await anyio.sleep(0.01)
