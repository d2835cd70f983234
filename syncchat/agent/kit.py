"""What an agent works with in a room, made once and used by all its parts."""

from collections.abc import Callable
from dataclasses import dataclass

from syncchat.agent.lines import Who
from syncchat.agent.model import Model
from syncchat.agent.notebook import Notebook
from syncchat.agent.policy import Manners
from syncchat.agent.prices import Prices
from syncchat.agent.recall import Recall
from syncchat.agent.tools.loop import Toolbox
from syncchat.core.room import Room


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take, in seconds: a judgement, a whole answer, and from flush to flush.

    What a model says at up to 50 tokens a second goes out token by token; what is faster waits for a flush.
    """

    judging: float = 30.0
    answering: float = 600.0
    flush_every: float = 0.02


@dataclass(frozen=True, slots=True)
class Kit:
    """See `Agent`, whose parameters these are; `me` is its user id and the name it is shown by."""

    room: Room
    me: Who
    model: Model
    judge_model: Model
    persona: str
    manners: Manners
    toolbox: Toolbox
    prices: Prices
    notebook: Notebook
    clock: Callable[[], int]
    pace: Pace
    recall: Recall
