"""Which client id of a doc belongs to which user, as the log keeps it beside the doc.

Format of an entry: the number of bindings, then for each the client id and the user's id
(lib0 variable-length integers and strings).
"""

from collections.abc import Iterable, Mapping

from syncchat.core.lib0 import Reader, write_var_string, write_var_uint
from syncchat.errors import MalformedUpdate


def encode_bindings(owners: Mapping[int, str]) -> bytes:
    """One entry that says all of `owners`."""
    buffer = bytearray()
    write_var_uint(buffer, len(owners))
    for client, user in owners.items():
        write_var_uint(buffer, client)
        write_var_string(buffer, user)
    return bytes(buffer)


def decode_bindings(entries: Iterable[bytes]) -> dict[int, str]:
    """The owners that entries say; of a client id that two of them name the first binding holds (G5).

    Raises MalformedUpdate for what is no such entry.
    """
    owners: dict[int, str] = {}
    for entry in entries:
        reader = Reader(entry)
        for _ in range(reader.count(2)):
            client = reader.var_uint()
            owners.setdefault(client, reader.var_string())
        if not reader.done:
            raise MalformedUpdate("bytes behind the end of an entry of client ids")
    return owners
