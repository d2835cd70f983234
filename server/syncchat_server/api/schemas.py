"""The schemas of what the HTTP API takes and tells, and how much of it: JSON Schema as OpenAPI 3.1 has it."""

from dataclasses import asdict
from typing import Any, Final

from syncchat.agent.budget import Budget
from syncchat.core.answer import CALL_STATES
from syncchat.core.grant import Role
from syncchat.core.ids import NAME
from syncchat.core.message import MAX_TEXT, STATES
from syncchat.search import MAX_HITS

Json = dict[str, Any]

MAX_PAGE: Final = 200
"""Messages that are told at once."""

MAX_ROOMS: Final = 1000
"""Rooms that are told at once."""

MAX_KEY: Final = 255
"""Characters of an idempotency key."""

KEY_PAGES: Final = 16
"""Pages, from the newest on, in which a message with the key of a new one is looked for."""

NAME_PATTERN = "^" + NAME.pattern.replace(r"\Z", "$")
ID_PATTERN = r"^[0-9a-hjkmnp-tv-z]{10}\.[A-Za-z0-9_-]{1,40}\.[0-9a-hjkmnp-tv-z]{8}$"

NAME_SCHEMA: Json = {"type": "string", "pattern": NAME_PATTERN}
ID: Json = {
    "type": "string",
    "pattern": ID_PATTERN,
    "description": "A message's id; ids sort as messages are shown.",
}
TIME: Json = {"type": "string", "format": "date-time"}
COUNT: Json = {"type": "integer", "minimum": 0}
DAY: Json = {"type": "string", "format": "date", "description": "A day of UTC: 2026-11-21."}


def _object(description: str, properties: Json, optional: tuple[str, ...] = ()) -> Json:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _limit_of(name: str) -> Json:
    return {"type": "number", "minimum": 0} if name.startswith("money") else COUNT


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _text(description: str, **more: object) -> Json:
    return {"type": "string", "description": description, **more}


CITE = _object(
    "A label in the text, and the message that it stands for.", {"label": _text("As in [m1]."), "id": ID}
)

CALL: Json = {
    "type": "object",
    "description": "What an agent proposed to do, or did.",
    "properties": {
        "name": _text("The tool."),
        "args": {"type": "object", "description": "Its arguments."},
        "state": {"enum": sorted(CALL_STATES)},
        "by": _or_null(NAME_SCHEMA) | {"description": "Who approved or denied it."},
        "result": _text("What came of it, in short."),
    },
    "required": ["name", "args", "state"],
}

MESSAGE = _object(
    "A message as it is now.",
    {
        "id": ID,
        "room": NAME_SCHEMA,
        "user": NAME_SCHEMA,
        "text": _text("Empty if it was deleted."),
        "time": TIME,
        "re": _or_null(ID),
        "of": _or_null(ID) | {"description": "The earlier version that it replaces."},
        "edited": _or_null(TIME),
        "deleted": {"type": "boolean"},
        "deleted_by": _or_null(NAME_SCHEMA),
        "agent": {"type": "boolean", "description": "Whether an agent wrote it."},
        "state": {"enum": [*sorted(STATES), None], "description": "How it ended if not by being complete."},
        "stopped_by": _or_null(NAME_SCHEMA),
        "problem": _or_null(_text("Why it has failed.")),
        "cites": {"type": "array", "items": CITE, "description": "The messages that it cites."},
        "calls": {"type": "array", "items": CALL, "description": "Calls of tools, and what became of them."},
        "streaming": {"type": "boolean", "description": "Whether it is still being written."},
        "reactions": {
            "type": "object",
            "description": "By emoji, the users who reacted.",
            "additionalProperties": {"type": "array", "items": NAME_SCHEMA},
        },
    },
)

NEW_MESSAGE = _object(
    "What is to be posted.",
    {
        "text": _text(f"At most {MAX_TEXT} bytes of UTF-8, and more than white space.", minLength=1),
        "re": _or_null(ID) | {"description": "The message it answers."},
        "agent": {"type": "boolean", "default": False, "description": "Only an agent's token may say so."},
    },
    optional=("re", "agent"),
)

PLACE: Json = {
    "type": "string",
    "pattern": rf"^([0-9]{{1,9}}:({ID_PATTERN[1:-1]}|~)|{ID_PATTERN[1:-1]})$",
    "description": "A message's place: its page, and there its id, or ~ for the end of the page. "
    "A mere id is looked for where its time would have it.",
}

LATE = _object(
    "A message that was written earlier than it arrived: it stands on the page that was the newest for its "
    "author, and is told there.",
    {"id": ID, "page": COUNT},
)

MESSAGE_PAGE = _object(
    "Messages of a room, the newest last, sorted by their ids. There may be fewer than were asked for; "
    "what was written offline comes with the page it stands on, and so each message comes once.",
    {
        "messages": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Message"},
            "maxItems": MAX_PAGE,
        },
        "late": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Late"},
            "description": "Those that arrived, while these were the newest, on older pages.",
        },
        "next": _or_null(PLACE)
        | {"description": "Ask with before=NEXT for older ones; null: there are none."},
    },
)

ROOM_TOLD = _object(
    "A room that the caller may enter.",
    {
        "name": NAME_SCHEMA,
        "role": {"enum": [str(role) for role in Role]},
        "users": {
            "type": "array",
            "items": NAME_SCHEMA,
            "description": "Who has it open now, or has posted over HTTP within a minute.",
        },
        "messages": COUNT | {"description": "How many have arrived, late ones included."},
        "unread": COUNT | {"description": "How many of them the caller has not read."},
        "mentions": COUNT | {"description": "How many of those mention the caller."},
        "read": _or_null(ID) | {"description": "How far the caller has read; null: nothing is known."},
        "seen": COUNT | {"description": "How many had arrived when the caller had read so far."},
    },
)

READ_MARK = _object("How far the caller has read.", {"read": ID})
NEW_READ_MARK = _object("The newest message that the caller has read.", {"id": ID})

ASKED = ("stop", "again", "now")
"""What can be asked of agents over HTTP."""

NEW_REQUEST = _object(
    "What is asked of the room's agents: `stop` an answer (id: the answer's, or that of the message that it "
    "answers), write it `again` (the answer's), or answer `now` what waits (the question's).",
    {"verb": {"enum": list(ASKED)}, "id": ID, "page": COUNT | {"description": "The page of the message."}},
    ("page",),
)
REQUEST = _object(
    "What was asked; what comes of it shows in the room.", {"verb": {"enum": list(ASKED)}, "id": ID}
)

ROOM_LIST = _object(
    "Rooms, sorted by name.",
    {
        "rooms": {"type": "array", "items": {"$ref": "#/components/schemas/Room"}},
        "next": _or_null(NAME_SCHEMA)
        | {"description": "Ask with after=NEXT for more; null: there are none."},
    },
)

HIT = _object(
    "A message that was found.",
    {
        "id": ID,
        "room": NAME_SCHEMA,
        "page": COUNT | {"description": "The page of the room on which it stands."},
        "user": NAME_SCHEMA,
        "time": TIME,
        "snippet": _text("Its text, or a part of it; … stands for what is left out."),
        "marks": {
            "type": "array",
            "description": "Where in the snippet stands what was searched for: from one character to before "
            "another, counted in Unicode code points.",
            "items": {"type": "array", "items": COUNT, "minItems": 2, "maxItems": 2},
        },
    },
)

SEARCH_RESULT = _object(
    "Messages that were found, the newest first.",
    {
        "hits": {"type": "array", "items": {"$ref": "#/components/schemas/Hit"}, "maxItems": MAX_HITS},
        "next": _or_null(_text("Ask with before=NEXT for older ones; null: there are none.")),
        "complete": {
            "type": "boolean",
            "description": "Whether every message was searched that was durable a second ago; false while "
            "the daemon still builds its index.",
        },
    },
)

USAGE = _object(
    "What the caller has done over HTTP since `since`, and what agents spent on one day.",
    {
        "user": NAME_SCHEMA,
        "since": TIME,
        "requests": COUNT,
        "messages": {
            "type": "object",
            "description": "Messages posted, by room; `*` are those in the many after a thousand.",
            "additionalProperties": COUNT,
        },
        "day": DAY,
        "spent": {
            "type": "array",
            "description": "What the daemon's agents spent on that day for the caller; of rooms that the "
            "caller moderates, for everybody.",
            "items": {"$ref": "#/components/schemas/Spent"},
        },
        "currency": _text("The currency of `money`."),
        "budgets": {
            "type": "object",
            "description": "What each agent may spend in a day, by its user; null is no limit.",
            "additionalProperties": _object(
                "Calls, tokens and money: altogether, for one user, in one room.",
                {name: _or_null(_limit_of(name)) for name in asdict(Budget())},
            ),
        },
    },
)

SPENT = _object(
    "What an agent spent for one user in one room with one model.",
    {
        "agent": NAME_SCHEMA,
        "user": _or_null(NAME_SCHEMA) | {"description": "Who asked; null: nobody did."},
        "room": NAME_SCHEMA,
        "model": _text("Its name; `built-in` costs nothing."),
        "calls": COUNT,
        "tokens_in": COUNT,
        "tokens_out": COUNT,
        "money": _or_null(_text("What the tokens cost, a decimal number; null: there is no price.")),
    },
)

_COST = _object("What was spent on the message.", {"calls": COUNT, "tokens_in": COUNT, "tokens_out": COUNT})

DECISION = _object(
    "What an agent decided about a message, and by which rule.",
    {
        "agent": NAME_SCHEMA,
        "id": ID | {"description": "The message that it decided about."},
        "at": COUNT | {"description": "When, in milliseconds since 1970."},
        "decision": _text("speak, quiet, wait, judge, withdraw, ..."),
        "rule": _text("The rule that decided."),
        "inputs": {"type": "object", "description": "What the rule looked at: ids, names and numbers."},
        "cost": _COST,
        "reply": _or_null(ID),
        "problem": _or_null(_text("What went wrong.")),
        "before": {
            "type": "array",
            "description": "Earlier decisions about it: when, what, by which rule.",
            "items": {"type": "array", "minItems": 3, "maxItems": 3},
        },
    },
)

WHY = _object(
    "Why agents spoke, or did not.",
    {
        "decisions": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Decision"},
            "minItems": 1,
        }
    },
)

ERASED = _object(
    "What an erase reached.",
    {
        "message": {"$ref": "#/components/schemas/Message"},
        "page": COUNT | {"description": "The page it stands on."},
        "reached": {"type": "array", "items": _text("Where its text is no more.")},
        "left": {"type": "array", "items": _text("Where it still is, and why: erase it again.")},
        "beyond": {"type": "array", "items": _text("What no erase reaches.")},
    },
)

SINCE = _object(
    "Since when the caller wants to know what happened.",
    {
        "since": ID | {"description": "After this message."},
        "seen": COUNT
        | {
            "description": "How many messages had arrived in the room when it was read, as `seen` of the "
            "room told then: late ones are told if they came later."
        },
    },
    ("since", "seen"),
)

CATCH_UP = _object(
    "What happened in a room, for the caller alone.",
    {
        "since": _or_null(ID) | {"description": "It is of what came after this message; null: of all."},
        "first": _or_null(ID) | {"description": "The first message that was looked at."},
        "last": _or_null(ID) | {"description": "The last one; null: nothing happened."},
        "messages": COUNT | {"description": "How many messages there were; at most 1,000 are counted."},
        "left_out": COUNT | {"description": "How many of them, the oldest, were not looked at."},
        "late": COUNT
        | {
            "description": "How many more came late and stand before `since`: more than are told at once, "
            "or marked by an earlier version, so that nobody knows which they are."
        },
        "points": {
            "type": "array",
            "items": _object(
                "One thing that happened, as a model tells it.",
                {
                    "text": _text("A sentence."),
                    "users": {
                        "type": "array",
                        "items": NAME_SCHEMA,
                        "description": "Who wrote the messages that it is from.",
                    },
                    "messages": {"type": "array", "items": ID, "description": "Those messages."},
                },
            ),
        },
    },
)

EVENT = _object(
    "What a webhook is sent; `webhook-id` in its headers is the message's id.",
    {"type": {"const": "message.created"}, "data": {"$ref": "#/components/schemas/Message"}},
)

PROBLEM = _object(
    "What is wrong, and what to do (RFC 9457).",
    {
        "title": _text("The status in words."),
        "status": {"type": "integer"},
        "code": _text("For programs."),
        "detail": _text("What is wrong."),
        "remedy": _text("What to do about it."),
        "retry": {"type": "integer", "description": "Seconds after which to try again, as in Retry-After."},
        "limit": _text("The name of the limit that was met."),
        "rule": _text("The rule of SPEC.md by which it was refused."),
    },
    optional=("retry", "limit", "rule"),
)
