"""When the agent speaks and when it is quiet: events in, decisions out, no IO and no clock (A7, A11-A14)."""

from syncchat.agent.policy.decisions import Decision, Judge, Quiet, Rule, Speak, Tell, Wait, Withdraw
from syncchat.agent.policy.events import (
    Ambient,
    Asked,
    Began,
    Edited,
    Ended,
    Event,
    Gone,
    Heard,
    Here,
    Judged,
    Said,
    Tick,
    Tuned,
    Typing,
)
from syncchat.agent.policy.manners import BadManners, Manners
from syncchat.agent.policy.turn_policy import TurnPolicy

__all__ = [
    "Ambient",
    "Asked",
    "BadManners",
    "Began",
    "Decision",
    "Edited",
    "Ended",
    "Event",
    "Gone",
    "Heard",
    "Here",
    "Judge",
    "Judged",
    "Manners",
    "Quiet",
    "Rule",
    "Said",
    "Speak",
    "Tell",
    "Tick",
    "Tuned",
    "TurnPolicy",
    "Typing",
    "Wait",
    "Withdraw",
]
