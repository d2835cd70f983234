"""How a peer reaches its server: the address of each link."""

from syncchat.core.packing import ASKED
from syncchat.link.protocol import Connect


def connector(server: str | None, dialect: str) -> Connect | None:
    """Makes links to a server (`ws://HOST:PORT`); None without one.

    In the dialect `sync` one link carries all docs, in `y` each doc has its own. Raises ValueError
    for another dialect, or what is no address.
    """
    if dialect not in ("sync", "y"):
        raise ValueError(f"unknown dialect {dialect!r}: use 'sync' or 'y'")
    if server is None:
        return None
    from syncchat.link.websocket import check_url, open_websocket

    base = check_url(server)
    if dialect == "sync":
        return lambda doc: open_websocket(f"{base}/sync?{ASKED}")
    path, mark, query = base.partition("?")
    return lambda doc: open_websocket(f"{path.rstrip('/')}/{doc}{mark}{query}")
