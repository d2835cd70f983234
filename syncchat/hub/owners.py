"""The owners of a doc's client ids, on disk: a stream of its own beside the doc, in the same log (G5).

A doc's state tells whose an id is only while a row of it is left; of garbage nothing does.
"""

import logging
from collections.abc import Mapping

from syncchat.core.bindings import decode_bindings, encode_bindings
from syncchat.errors import LogError
from syncchat.log import Beside, Log

logger = logging.getLogger("syncchat.hub")

ENTRIES = 64
"""Entries of a doc's stream of owners after which they are made one."""


def owners_stream(doc: str) -> str:
    """The name of the stream; no doc has one like it, as `#` is in no doc's name."""
    return f"{doc}#owners"


async def read_owners(log: Log, doc: str) -> dict[int, str]:
    """The owner of each client id that was ever bound. Raises LogError, MalformedUpdate."""
    stream = owners_stream(doc)
    entries = await log.read(stream)
    owners = decode_bindings(entry.data for entry in entries)
    if len(entries) >= ENTRIES:
        try:
            await log.compact(stream, encode_bindings(owners), base=entries[0].seq, upto=entries[-1].seq)
        except LogError as error:
            logger.error("the owners of doc %s were not compacted: %s", doc, error)
    return owners


def binding(doc: str, owners: Mapping[int, str]) -> Beside:
    """Client ids that nobody owned, bound: what an append to the doc has beside it."""
    return {owners_stream(doc): [encode_bindings(owners)]}
