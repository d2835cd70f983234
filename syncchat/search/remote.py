"""Search on a daemon, over its HTTP API."""

from syncchat.search.file import SearchFailed
from syncchat.search.query import parse
from syncchat.search.wire import Answer, from_json
from syncchat.served import NotServed, get_served, no_daemon


async def search_served(
    server: str, token: str, text: str, *, limit: int = 20, before: str | None = None
) -> Answer:
    """What a query finds in all rooms of the daemon at `server` (`ws://HOST:PORT`) that `token` may read.

    See `LocalSearch.search`. Raises BadQuery, ValueError (a bad address), and SearchFailed if the daemon
    cannot be asked, or says no.
    """
    parse(text)
    query = {"q": text, "limit": limit} | ({} if before is None else {"before": before})
    try:
        told = await get_served(server, token, "/api/v1/search", query)
    except NotServed as error:
        raise SearchFailed(str(error)) from None
    try:
        return from_json(told)
    except ValueError:
        raise SearchFailed(str(no_daemon(server))) from None
