"""Why a call of a model failed, in a short sentence that quotes nobody, and whether to try again (A21).

A server's own text stays out: it may quote the key or the conversation.
"""

import json
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from syncchat.agent.model import ModelFailed

if TYPE_CHECKING:
    from openai import APIStatusError

MAX_WAIT = 24 * 3600.0
"""Seconds; whoever asks us to wait longer means never."""

_THIS_PROMPT = frozenset({400, 413, 422})
"""What a server answers that is there, and takes no prompt such as this one."""

_HINTS = {
    301: "it has moved: set the base URL to where it is now",
    302: "it has moved: set the base URL to where it is now",
    307: "it has moved: set the base URL to where it is now",
    308: "it has moved: set the base URL to where it is now",
    400: "it does not take this model, or a prompt of this size",
    401: "check the API key",
    403: "this key may not",
    404: "check the base URL and the model's name",
    413: "the prompt is too large for it",
    429: "too many requests",
}


class CallFailed(ModelFailed):
    """A call that failed; `again`: it may be tried again, not before `after` seconds if it said so."""

    def __init__(
        self, cause: str, *, again: bool = False, after: float | None = None, reached: bool = False
    ) -> None:
        super().__init__(cause, reached=reached)
        self.again = again
        self.after = after


def failure_of(error: Exception) -> CallFailed:
    """What an exception of the `openai` package, or of reading what it gave, means."""
    import openai

    match error:
        case CallFailed():
            return error
        case openai.APIStatusError():
            return _refused(error)
        case openai.APITimeoutError():
            return CallFailed("the model's server took too long", again=True)
        case openai.APIConnectionError():
            return CallFailed("the connection to the model's server failed or broke", again=True)
        case json.JSONDecodeError() | UnicodeDecodeError():
            return CallFailed("the model's server sent something that is no JSON", again=True)
        case openai.APIError():
            return CallFailed("the model's server reported an error in the middle of its answer", again=True)
    kind = type(error).__name__
    return CallFailed(f"the model's server could not be understood ({kind})", again=True)


def _refused(error: "APIStatusError") -> CallFailed:
    status = error.status_code
    if status == 429 and error.code == "insufficient_quota":
        return CallFailed("the model's server answered 429 (nothing left to spend)")
    after = _retry_after(error.response.headers)
    hints = [_HINTS[status]] if status in _HINTS else []
    if after is not None:
        hints.append(f"it asks to wait {after:.0f} s")
    hint = f" ({'; '.join(hints)})" if hints else ""
    again = status in (408, 409, 429) or status >= 500
    reached = status in _THIS_PROMPT
    return CallFailed(
        f"the model's server answered {status}{hint}", again=again, after=after, reached=reached
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server asks to wait, from 0 to MAX_WAIT; None if it says nothing to be read."""
    told = headers.get("retry-after", "")
    readings = (_number(headers.get("retry-after-ms", ""), 1000.0), _number(told, 1.0), _until(told))
    asked = next((seconds for seconds in readings if seconds is not None), None)
    return None if asked is None else min(max(asked, 0.0), MAX_WAIT)


def _number(text: str, unit: float) -> float | None:
    try:
        seconds = float(text) / unit
    except ValueError:
        return None
    return None if math.isnan(seconds) else seconds


def _until(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
