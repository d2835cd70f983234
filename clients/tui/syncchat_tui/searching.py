"""What the client searches: the copy on this device, also offline, and the server's while it is reached."""

from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import anyio

from syncchat.errors import SyncchatError
from syncchat.log import Log
from syncchat.search import BadQuery, Hit, LocalSearch
from syncchat.search.remote import search_served
from syncchat.search.wire import Answer

MOST = 50
"""Hits that are shown: who wants to see others asks for less."""


class Outcome(NamedTuple):
    """Hits, the newest first, and a sentence about how many they are and where they were looked for."""

    hits: list[Hit]
    notice: str


class Finder:
    """Searches `log` by an index in the file `index`, and the daemon at `server` (None: there is none).

    Use it as an async context manager. The index is made when it is first wanted; from then on, and if there
    was one already, what is deleted leaves it within seconds. `token` is what the daemon is shown.
    """

    def __init__(
        self, log: Log, index: Path | None, *, server: str | None = None, token: Callable[[], str] = str
    ) -> None:
        self._log = log
        self._index = index
        self._server = server
        self._token = token
        self._local: LocalSearch | None = None
        self._opening = anyio.Lock()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._tasks = await anyio.create_task_group().__aenter__()
        if self._index is not None and self._index.exists():
            self._tasks.start_soon(self._open_early)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.cancel_scope.cancel()
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            await self._stack.aclose()

    async def _open_early(self) -> None:
        with suppress(SyncchatError):  # whoever searches is told
            await self._opened()

    async def update(self, tell: Callable[[int], None]) -> None:
        """Read what is new on this device; `tell` hears how many pages are still to be read.

        Raises LogError, SearchFailed.
        """
        await (await self._opened()).update(tell)

    async def search(self, text: str, tell: Callable[[Outcome], None], *, online: bool) -> None:
        """Tell what is found here, and then, if `online`, what is found here and on the server.

        Raises BadQuery.
        """
        here, problem = await self._here(text)
        server = self._server if online else None
        tell(_outcome(here, None, problem or ("asking the server…" if server else "")))
        if server is not None:
            there, refusal = await self._there(server, text)
            tell(_outcome(here, there, problem or refusal))

    async def _here(self, text: str) -> tuple[Answer | None, str]:
        try:
            local = await self._opened()
            return Answer(await local.search(text, limit=MOST), local.complete), ""
        except BadQuery:
            raise
        except SyncchatError as error:
            return None, str(error)

    async def _there(self, server: str, text: str) -> tuple[Answer | None, str]:
        try:
            return await search_served(server, self._token(), text, limit=MOST), ""
        except BadQuery:
            raise
        except SyncchatError as error:
            return None, f"not on the server: {error}"

    async def _opened(self) -> LocalSearch:
        async with self._opening:
            if self._local is not None:
                return self._local
            local = LocalSearch(self._log, self._index)
            with anyio.CancelScope(shield=True):  # or nobody would close it
                await self._stack.enter_async_context(local)
            self._local = local
            self._tasks.start_soon(local.follow)
            return local


def merge(*answers: Answer | None) -> list[Hit]:
    """The newest hits of all answers, each once."""
    found = {(hit.room, hit.id): hit for answer in answers if answer is not None for hit in answer.found.hits}
    return sorted(found.values(), key=lambda hit: hit.id, reverse=True)[:MOST]


def _outcome(here: Answer | None, there: Answer | None, more: str) -> Outcome:
    hits = merge(here, there)
    places = [place for answer, place in ((here, "this device"), (there, "the server")) if answer is not None]
    number = "nothing" if not hits else f"the newest {MOST}" if len(hits) == MOST else str(len(hits))
    sentences = [f"found {number} on {' and '.join(places)}"] if places else []
    if any(answer is not None and not answer.complete for answer in (here, there)):
        sentences.append("some is not in the index yet")
    return Outcome(hits, "; ".join([*sentences, *([more] if more else [])]))
