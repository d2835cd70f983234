"""How people in a hurry spell: `whats`, `cant`, `im`, without the apostrophe that other parts go by."""

import re

_IS = "what|where|when|who|how|that|there|here|let|he|she"
_NOT = "can|do|does|did|is|was|are|were|wo|would|could|should|has|have|had|ai"
_SHORT = re.compile(
    rf"\b(?:(?P<is>{_IS})s|(?P<not>{_NOT})nt|(?P<can>can)t|(?P<are>you|they)re"
    r"|(?P<have>i|you|we|they)ve|(?P<am>i)m)\b"
)
_ENDS = {"is": "'s", "not": "n't", "can": "'t", "are": "'re", "have": "'ve", "am": "'m"}


def spelled_out(said: str) -> str:
    """A text in lower case with the apostrophes that its contractions lack; `its` and `well` are words."""
    return _SHORT.sub(_with_apostrophe, said)


def _with_apostrophe(short: re.Match[str]) -> str:
    kind = short.lastgroup or ""
    return short[kind] + _ENDS[kind]
