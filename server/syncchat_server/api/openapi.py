"""The document that describes the HTTP API: what /openapi.json says, in OpenAPI 3.1."""

from http import HTTPStatus

from syncchat.search import MAX_HITS
from syncchat.search.query import MAX_QUERY
from syncchat_server.api.schemas import (
    CATCH_UP,
    COUNT,
    DAY,
    DECISION,
    ERASED,
    EVENT,
    HIT,
    ID,
    KEY_PAGES,
    LATE,
    MAX_KEY,
    MAX_PAGE,
    MAX_ROOMS,
    MESSAGE,
    MESSAGE_PAGE,
    NAME_SCHEMA,
    NEW_MESSAGE,
    NEW_READ_MARK,
    NEW_REQUEST,
    PLACE,
    PROBLEM,
    READ_MARK,
    REQUEST,
    ROOM_LIST,
    ROOM_TOLD,
    SEARCH_RESULT,
    SINCE,
    SPENT,
    USAGE,
    WHY,
    Json,
)

DESCRIPTION = """Rooms, their messages, and posting, for scripts: under the same guard as every client.
Without authentication on the daemon the token is the user's name."""


def _answer(name: str, description: str, media: str = "application/json") -> Json:
    content = {media: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return {"description": description, "content": content}


def _answers(status: int, name: str, description: str, problems: tuple[int, ...]) -> Json:
    wrong = {
        str(number): _answer("Problem", HTTPStatus(number).phrase, "application/problem+json")
        for number in sorted({401, 403, 422, 429, 500, 503, *problems})
    }
    return {str(status): _answer(name, description)} | wrong


def _parameter(name: str, where: str, schema: Json, description: str) -> Json:
    return {
        "name": name,
        "in": where,
        "schema": schema,
        "description": description,
        "required": where == "path",
    }


def _limit(default: int, maximum: int) -> Json:
    schema = {"type": "integer", "minimum": 1, "maximum": maximum, "default": default}
    return _parameter("limit", "query", schema, "How many at most.")


ROOM = _parameter("room", "path", NAME_SCHEMA, "The room's name.")

PATHS: Json = {
    "/api/v1/rooms": {
        "get": {
            "operationId": "rooms",
            "summary": "The rooms you may enter, and who is in them",
            "parameters": [
                _parameter("after", "query", NAME_SCHEMA, "Those after this name."),
                _limit(100, MAX_ROOMS),
            ],
            "responses": _answers(200, "RoomList", "Rooms.", ()),
        }
    },
    "/api/v1/rooms/{room}": {
        "get": {
            "operationId": "room",
            "summary": "A room, and what you have not read in it",
            "parameters": [ROOM],
            "responses": _answers(200, "Room", "The room.", (404,)),
        }
    },
    "/api/v1/rooms/{room}/messages": {
        "get": {
            "operationId": "messages",
            "summary": "Messages, from the newest back",
            "parameters": [
                ROOM,
                _parameter("before", "query", PLACE, "Those before this place: what `next` said."),
                _limit(50, MAX_PAGE),
            ],
            "responses": _answers(200, "MessagePage", "Messages.", (404,)),
        },
        "post": {
            "operationId": "post",
            "summary": "Post a message; it is durable when this answers",
            "parameters": [
                ROOM,
                _parameter(
                    "Idempotency-Key",
                    "header",
                    {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
                    "The message is posted once, however often it is sent with this key, as long as it is "
                    f"among those of the newest {KEY_PAGES} pages: some {KEY_PAGES * 250:,} messages.",
                ),
            ],
            "requestBody": {"required": True, **_answer("NewMessage", "The message.")},
            "responses": _answers(201, "Message", "It is durable.", (404, 413))
            | {"200": _answer("Message", "It was posted before with this key.")},
        },
    },
    "/api/v1/rooms/{room}/read": {
        "put": {
            "operationId": "read",
            "summary": "Tell how far you have read; what is unread follows within seconds",
            "parameters": [ROOM],
            "requestBody": {"required": True, **_answer("NewReadMark", "The message.")},
            "responses": _answers(202, "ReadMark", "It was heard.", (404, 413)),
        }
    },
    "/api/v1/rooms/{room}/ask": {
        "post": {
            "operationId": "ask",
            "summary": "Ask agents to stop an answer, to write it again, or not to wait; once is enough",
            "parameters": [ROOM],
            "requestBody": {"required": True, **_answer("NewRequest", "What is asked.")},
            "responses": _answers(202, "Request", "It is durable, and agents are told.", (404, 413)),
        }
    },
    "/api/v1/rooms/{room}/messages/{id}": {
        "get": {
            "operationId": "message",
            "summary": "One message",
            "parameters": [
                ROOM,
                _parameter("id", "path", ID, "Its id."),
                _parameter("page", "query", COUNT, "The page it stands on, if that is known."),
            ],
            "responses": _answers(200, "Message", "The message.", (404,)),
        }
    },
    "/api/v1/search": {
        "get": {
            "operationId": "search",
            "summary": "Messages of all rooms that you may read, by what they say",
            "parameters": [
                _parameter(
                    "q",
                    "query",
                    {"type": "string", "minLength": 1, "maxLength": MAX_QUERY},
                    'Words, "phrases", begin*, author:NAME, room:NAME, before:DATE, after:DATE (2026-11-21 '
                    "or 2026-11-21T09:30, in UTC), has:link; a message has all of them.",
                )
                | {"required": True},
                _parameter("before", "query", {"type": "string"}, "Those before this: what `next` said."),
                _limit(20, MAX_HITS),
            ],
            "responses": _answers(200, "SearchResult", "Messages.", (404,)),
        }
    },
    "/api/v1/rooms/{room}/messages/{id}/erase": {
        "post": {
            "operationId": "erase",
            "summary": "Delete a message, and its text from all that the daemon has; for moderators",
            "parameters": [
                ROOM,
                _parameter("id", "path", ID, "Its id."),
                _parameter("page", "query", COUNT, "The page it stands on, if that is known."),
            ],
            "responses": _answers(200, "Erased", "It is deleted; what was reached.", (404,)),
        }
    },
    "/api/v1/usage": {
        "get": {
            "operationId": "usage",
            "summary": "What you have done here, and what agents spent for you; to moderators, for all",
            "parameters": [_parameter("day", "query", DAY, "The day of `spent`, in UTC; today without it.")],
            "responses": _answers(200, "Usage", "Counters.", ()),
        }
    },
    "/api/v1/rooms/{room}/catch-up": {
        "post": {
            "operationId": "catchUp",
            "summary": "What you have missed, told by a model to you alone, and charged to you",
            "parameters": [ROOM],
            "requestBody": {
                "required": False,
                **_answer("Since", "From where on; without it, your read mark."),
            },
            "responses": _answers(200, "CatchUp", "What happened.", (404, 413)),
        }
    },
    "/api/v1/rooms/{room}/why/{id}": {
        "get": {
            "operationId": "why",
            "summary": "Why agents of this daemon spoke, or did not",
            "parameters": [ROOM, _parameter("id", "path", ID, "The message, or the answer to it.")],
            "responses": _answers(200, "Why", "Decisions.", (404,)),
        }
    },
}

DOCUMENT: Json = {
    "openapi": "3.1.0",
    "info": {"title": "syncchat", "version": "1", "description": DESCRIPTION},
    "security": [{"bearer": []}],
    "paths": PATHS,
    "webhooks": {
        "message": {
            "post": {
                "operationId": "message",
                "summary": "There is a new message; signed as Standard Webhooks has it",
                "security": [],
                "requestBody": {"required": True, **_answer("Event", "The message.")},
                "responses": {"2XX": {"description": "It was taken; after all else it is sent again."}},
            }
        }
    },
    "components": {
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        "schemas": {
            "Message": MESSAGE,
            "NewMessage": NEW_MESSAGE,
            "MessagePage": MESSAGE_PAGE,
            "Late": LATE,
            "Room": ROOM_TOLD,
            "RoomList": ROOM_LIST,
            "ReadMark": READ_MARK,
            "NewReadMark": NEW_READ_MARK,
            "Request": REQUEST,
            "NewRequest": NEW_REQUEST,
            "Hit": HIT,
            "SearchResult": SEARCH_RESULT,
            "Usage": USAGE,
            "Spent": SPENT,
            "Decision": DECISION,
            "Why": WHY,
            "Since": SINCE,
            "CatchUp": CATCH_UP,
            "Erased": ERASED,
            "Event": EVENT,
            "Problem": PROBLEM,
        },
    },
}
