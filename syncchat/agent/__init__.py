"""The AI participant of a room: a replica like any other, that decides and writes."""

from syncchat.agent.agent import Agent, Pace
from syncchat.agent.budget import Budget
from syncchat.agent.builtin import BuiltinModel
from syncchat.agent.factory import make_model
from syncchat.agent.model import Model, ModelFailed
from syncchat.agent.notebook import Notebook
from syncchat.agent.policy import Manners
from syncchat.agent.prices import Price, Prices
from syncchat.agent.prompt import Line, Prompt, Turn, Who
from syncchat.agent.usage import Metered, Usage

__all__ = [
    "Agent",
    "Budget",
    "BuiltinModel",
    "Line",
    "Manners",
    "Metered",
    "Model",
    "ModelFailed",
    "Notebook",
    "Pace",
    "Price",
    "Prices",
    "Prompt",
    "Turn",
    "Usage",
    "Who",
    "make_model",
]
