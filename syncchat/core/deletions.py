"""Which messages of a page were deleted: their texts are to leave what is stored of the page (H10)."""

from collections.abc import Callable

from syncchat.core.changes import Change
from syncchat.core.message import read_body
from syncchat.core.page import MESSAGES, STREAMS
from syncchat.core.presence import Subscription
from syncchat.core.store import Store


def listen_deletions(store: Store, callback: Callable[[], None]) -> Subscription:
    """Call `callback` after each transaction that deleted a message of a page which had a text before."""
    messages = store.table(MESSAGES)
    store.texts(STREAMS)

    def hear(changes: list[Change]) -> None:
        if any(_may_delete(change) and _is_deleted(change.row) for change in changes):
            callback()

    def _is_deleted(id: str) -> bool:
        body = read_body(messages.read(id))
        return body is not None and body.deleted

    return store.listen(hear)


def _may_delete(change: Change) -> bool:
    """A finished message has become another, or what was streamed has gone."""
    return (change.table, change.kind) in ((MESSAGES, "changed"), (STREAMS, "removed"))
