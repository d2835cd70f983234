"""How much a model reads and writes, in tokens: as it reports, or estimated."""

from dataclasses import dataclass

BYTES_PER_TOKEN = 3
"""What one token is taken for, in bytes of UTF-8: on the safe side, as English has about 4 and Chinese 3."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one call took: the tokens that the model has read and those that it has written."""

    tokens_in: int
    tokens_out: int


def estimated(text: str) -> int:
    """About how many tokens a text has; no model's own count, which no two of them share."""
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)
