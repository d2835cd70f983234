"""What a search finds, as JSON; see openapi.py."""

from syncchat.search import Hit
from syncchat_server.timestamps import time_text


def hit_json(hit: Hit) -> dict[str, object]:
    """A message that was found."""
    return {
        "id": hit.id,
        "room": hit.room,
        "page": hit.page,
        "user": hit.user,
        "time": time_text(hit.time),
        "snippet": hit.snippet,
        "marks": hit.marks,
    }
