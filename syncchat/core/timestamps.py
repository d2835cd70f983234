"""Times as they are told to people and other programs: RFC 3339, in UTC."""

from datetime import UTC, datetime

LAST = 253_402_300_799
"""The last second that RFC 3339 can say, since 1970."""


def time_text(milliseconds: float) -> str:
    """A time since 1970 as RFC 3339 has it; for an impossible one, the nearest that is possible."""
    seconds = min(max(milliseconds / 1000, 0), LAST)
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_time(text: str) -> int:
    """Milliseconds since 1970 of a time with its offset; raises ValueError for what is none."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text[:40]!r} is a time without its offset from UTC")
    return round(time.timestamp() * 1000)
