"""How a model server answers, well or badly: the ways in which real ones fail, by name."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

Says = Callable[[Mapping[str, Any]], Iterable[str]]
"""From the body of a request to the tokens of its answer."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the server answers one call.

    `tokens`, or what `says` makes of the request, are sent one by one, `repeat` times (`endless`: again and
    again), `pace` seconds apart, the first after `first_after` seconds and after what it `thinks` aloud and
    the parts of its `tool_calls`. Then comes `finish_reason` in a chunk of its own or, with
    `finish_with_last`, in that of the last token; None: the stream ends without one, as when a proxy cuts it.
    `usage`: what the call took is told to who asks for it; `refuses_usage`: who asks is refused, as by
    servers that do not know of it. `refusal` is what the model says instead of an answer. `silent` sends
    nothing at all, not even headers. A `status` other than 200 is answered at once, with `headers` and
    the error's `code`. After so many tokens

    - `stall_after` sends nothing more until the caller goes, with `keep_alive` only empty chunks,
    - `cut_after` breaks the connection,
    - `malformed_after` sends a chunk that is no JSON,
    - `strange_after` sends JSON that is no chunk,
    - `error_after` sends an error as an event of the stream.
    """

    tokens: Sequence[str] = ("Hello", " there")
    says: Says | None = None
    repeat: int = 1
    endless: bool = False
    pace: float = 0.0
    first_after: float = 0.0
    thinks: Sequence[str] = ()
    finish_reason: str | None = "stop"
    finish_with_last: bool = False
    usage: bool = True
    refuses_usage: bool = False
    refusal: str = ""
    tool_calls: Sequence[Mapping[str, Any]] = ()
    silent: bool = False
    status: int = 200
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    stall_after: int | None = None
    keep_alive: bool = False
    cut_after: int | None = None
    malformed_after: int | None = None
    strange_after: int | None = None
    error_after: int | None = None


MISBEHAVIOURS: Final[Mapping[str, Behaviour]] = {
    "slow": Behaviour(first_after=8.0),
    "silent": Behaviour(silent=True),
    "stall": Behaviour(stall_after=1),
    "cut": Behaviour(cut_after=1),
    "busy": Behaviour(status=429, headers={"retry-after": "5"}),
    "broken": Behaviour(status=500),
    "malformed": Behaviour(malformed_after=1),
    "no-usage": Behaviour(refuses_usage=True),
    "refusal": Behaviour(refusal="I cannot help with that."),
    "filtered": Behaviour(finish_reason="content_filter"),
    "endless": Behaviour(tokens=("word ",), repeat=100_000),
    "empty": Behaviour(tokens=()),
}
"""What a model server may be told to do, by the name that `syncchat model-server --behave` takes."""


def behaving(name: str, says: Says, *, pace: float) -> Behaviour:
    """A misbehaviour whose answer is what `says` says, as far as it has an answer; raises KeyError."""
    behaviour = MISBEHAVIOURS[name]
    return replace(behaviour, pace=pace, says=None if name in ("endless", "empty") else says)
