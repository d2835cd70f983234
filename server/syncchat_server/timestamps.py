"""Times as they are told to other programs."""

from syncchat.core.timestamps import LAST, time_text

__all__ = ["LAST", "time_text"]
