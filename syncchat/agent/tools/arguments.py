"""The arguments of a tool call, read and held against the tool's schema before anybody is asked."""

import json
from collections.abc import Mapping
from typing import Any, Final

from syncchat.agent.tools.tool import MAX_ARGUMENTS, Arguments, ToolFailed
from syncchat.core.codec import encodable

_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def read_arguments(text: str, schema: Mapping[str, Any]) -> Arguments:
    """The arguments in a model's JSON text; no text means none. Raises ToolFailed, which quotes none of it.

    Of the schema the first level counts: required and unknown names, types, `enum`, `minimum`, `maximum`
    and `maxLength`. What is deeper is for the tool itself.
    """
    if len(text) > MAX_ARGUMENTS:
        raise ToolFailed(f"the arguments have more than {MAX_ARGUMENTS} characters")
    try:
        told = json.loads(text or "{}", parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise ToolFailed("the arguments are no JSON") from None
    if not encodable(json.dumps(told, ensure_ascii=False)):
        raise ToolFailed("the arguments hold half a character")
    if not isinstance(told, dict):
        raise ToolFailed("the arguments are no JSON object")
    _check(told, schema)
    return told


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is nothing that JSON knows")


def _check(told: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in told:
            raise ToolFailed(f"the argument {name!r} is missing")
    for name, value in told.items():
        if name in known:
            _check_value(name, value, known[name])
        elif schema.get("additionalProperties") is False:
            raise ToolFailed(f"there are no other arguments than {', '.join(known) or 'none'}")


def _check_value(name: str, value: Any, schema: Mapping[str, Any]) -> None:
    kind = schema.get("type")
    # In Python a bool is an int; in JSON it is none.
    fits = isinstance(kind, str) and isinstance(value, _KINDS.get(kind, (object,)))
    if isinstance(kind, str) and (not fits or (isinstance(value, bool) and kind in ("integer", "number"))):
        raise ToolFailed(f"the argument {name!r} has to be of the type {kind}")
    if "enum" in schema and value not in schema["enum"]:
        raise ToolFailed(f"the argument {name!r} is none of those that there are")
    if isinstance(value, int | float) and not isinstance(value, bool):
        least, most = schema.get("minimum", value), schema.get("maximum", value)
        if not least <= value <= most:
            raise ToolFailed(f"the argument {name!r} has to be from {least} to {most}")
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        raise ToolFailed(f"the argument {name!r} is longer than {schema['maxLength']} characters")
