"""What is drawn again while a text grows: as little as changed, and never less."""

from collections.abc import Callable

import pytest
from textual.strip import Strip

from syncchat.core.store import Store
from syncchat.paged_room import PagedRoom
from syncchat_tui.keys import Keys
from syncchat_tui.transcript import Transcript
from tests.tui.test_app import open_app

pytestmark = pytest.mark.anyio

Enter = Callable[..., PagedRoom]


async def test_T5_what_is_drawn_of_a_growing_text_is_what_would_be_drawn_of_all(
    enter: Enter, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, agent = enter(store), enter(store, "helper")
    for number in range(5):
        room.post(f"message {number}")
    drawn, draw = dict[int, str](), Transcript.render_line

    def note(transcript: Transcript, y: int) -> Strip:
        strip = draw(transcript, y)
        drawn[y] = strip.text
        return strip

    monkeypatch.setattr(Transcript, "render_line", note)
    app = open_app(room)
    async with app.run_test(size=(70, 20)) as pilot:
        stream = agent.stream()
        for number in range(60):
            stream.append(f"{number}, {'漢' * (number % 4)}" + "\n" * (number % 20 == 19))
            await pilot.pause()
            assert drawn == {y: draw(app.transcript, y).text for y in range(app.transcript.size.height)}


async def test_T5_a_token_does_not_make_the_line_of_keys_anew(enter: Enter, store: Store) -> None:
    room, agent = enter(store), enter(store, "helper")
    app = open_app(room)
    async with app.run_test() as pilot:
        stream = agent.stream()
        await pilot.pause()
        keys = list(app.query_one(Keys).children)
        for token in ("I ", "think ", "so"):
            stream.append(token)
            app.refresh_bindings()
            await pilot.pause()
        assert keys
        assert list(app.query_one(Keys).children) == keys
        room.post("mine, which can be deleted")
        await pilot.pause()
        app.transcript.select(-1)
        app.refresh_bindings()
        await pilot.pause()
        assert list(app.query_one(Keys).children) != keys
