"""From two settings to a model."""

import os

from syncchat.agent.builtin import BuiltinModel
from syncchat.agent.model import Model


def make_model(base_url: str | None = None, model: str | None = None) -> Model:
    """The built-in model if both are None; else `model` at `base_url` (None: OpenAI's own).

    The key is read from the environment variable OPENAI_API_KEY; a server of your own needs none.
    Raises ValueError if only `base_url` is given, and ImportError with the remedy if `openai` is missing.
    """
    if base_url is None and model is None:
        return BuiltinModel()
    if model is None:
        raise ValueError("a base URL alone does not say which model to ask: name one with --model")
    try:
        from syncchat.agent.openai_model import OpenAIModel

        return OpenAIModel(model=model, base_url=base_url, api_key=os.environ.get("OPENAI_API_KEY") or "none")
    except ModuleNotFoundError as missing:
        raise ImportError("a model needs the agent extra: pip install 'syncchat[agent]'") from missing
