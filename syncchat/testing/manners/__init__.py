"""The manners set: cases of when an agent should speak, and what scores a policy with them."""

from syncchat.testing.manners.case import SLICES, Case, Event
from syncchat.testing.manners.reading import BadCase, own_cases, read_cases

__all__ = ["SLICES", "BadCase", "Case", "Event", "own_cases", "read_cases"]
