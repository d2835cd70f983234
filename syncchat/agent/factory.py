"""From two settings to a model."""

import os

from syncchat.agent.builtin import BuiltinModel
from syncchat.agent.model import Model

KEY = "OPENAI_API_KEY"
"""The environment variable that has the key, unless another one is named."""


def make_model(
    base_url: str | None = None, model: str | None = None, *, api_key_env: str | None = None
) -> Model:
    """The built-in model if both are None; else `model` at `base_url` (None: OpenAI's own).

    The key is read from the environment variable `api_key_env`, which has to be set then, or else from
    OPENAI_API_KEY; a server of your own needs none. Raises ValueError for a `base_url` alone, or one that
    is no address, or if the variable is not set, and ImportError with the remedy if `openai` is missing.
    """
    if base_url is None and model is None:
        return BuiltinModel()
    if model is None:
        raise ValueError("a base URL alone does not say which model to ask: name one with --model")
    if base_url is not None and not base_url.startswith(("http://", "https://")):
        raise ValueError(
            f"{base_url!r} is no endpoint of a model: write http://HOST:PORT/v1 or https://HOST/v1"
        )
    try:
        from syncchat.agent.openai_model import OpenAIModel

        return OpenAIModel(model=model, base_url=base_url, api_key=_key(api_key_env))
    except ModuleNotFoundError as missing:
        raise ImportError("a model needs the agent extra: pip install 'syncchat[agent]'") from missing


def _key(variable: str | None) -> str:
    key = os.environ.get(variable or KEY, "").strip()
    if variable is not None and not key:
        raise ValueError(
            f"the environment variable {variable} is not set: api_key_env says that it has the key"
        )
    return key or "none"
