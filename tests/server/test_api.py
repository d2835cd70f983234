"""The HTTP API of a daemon: each answer is what /openapi.json says, and each message is in the log."""

import json
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from jsonschema import Draft202012Validator

from syncchat.core.grant import Role
from syncchat.core.ids import format_id
from syncchat.core.message import MAX_TEXT
from syncchat.hub import Hub
from syncchat.log import MemoryLog
from syncchat.peer import Peer
from syncchat.testing.program import PATIENCE, Daemon
from syncchat_server.api import Rooms, api_routes
from syncchat_server.api.asking import MAX_BODY
from syncchat_server.api.openapi import DOCUMENT, PATHS
from syncchat_server.api.schemas import ID_PATTERN, MAX_PAGE
from syncchat_server.auth import OpenAuthority
from syncchat_server.books import Books
from syncchat_server.handshake import Origins
from syncchat_server.limits import DaemonLimits
from tests.server.letting import token

LOBBY = "/api/v1/rooms/lobby/messages"
ROOMS = "/api/v1/rooms"
USAGE = "/api/v1/usage"
TEXT = "the cake is in the cellar"


def url_of(daemon: Daemon) -> str:
    return daemon.address.replace("ws:", "http:")


class Api:
    """A caller, whose every answer is held against the document."""

    def __init__(self, daemon: Daemon, token: str = "ada") -> None:
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._url = url_of(daemon)

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx2.Response:
        headers = self._headers | (headers or {})
        answer = httpx2.request(method, self._url + path, headers=headers, timeout=PATIENCE, **more)
        check(answer, method)
        return answer

    def get(self, path: str, **more: Any) -> httpx2.Response:
        return self.ask("GET", path, **more)

    def post(self, text: str, *, room: str = "lobby", key: str | None = None, **more: Any) -> httpx2.Response:
        headers = {} if key is None else {"idempotency-key": key}
        path = f"/api/v1/rooms/{room}/messages"
        return self.ask("POST", path, json={"text": text, **more}, headers=headers)

    def texts(self, room: str = "lobby") -> list[str]:
        page = self.get(f"/api/v1/rooms/{room}/messages").json()
        return [message["text"] for message in page["messages"]]


def check(answer: httpx2.Response, method: str) -> None:
    """An answer is one of those that the document has for its path."""
    path = next(
        (path for path in PATHS if re.fullmatch(re.sub(r"{\w+}", "[^/]*", path), answer.url.path)), ""
    )
    operation = PATHS.get(path, {}).get(method.lower())
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    content = operation["responses"][str(answer.status_code)]["content"] if operation else problem
    [(media, body)] = content.items()
    assert answer.headers["content-type"] == media
    validator({"$ref": body["schema"]["$ref"]}).validate(answer.json())
    if not answer.is_success:
        assert answer.json()["status"] == answer.status_code
        assert answer.json().get("retry") == (int(answer.headers.get("retry-after", 0)) or None)


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema | {"components": DOCUMENT["components"]})


@pytest.fixture
def api(daemon: Daemon) -> Api:
    return Api(daemon)


# The document


def test_W3_the_document_is_served_and_every_schema_in_it_is_one(daemon: Daemon) -> None:
    document = httpx2.get(url_of(daemon) + "/openapi.json").json()
    assert document == DOCUMENT
    assert document["openapi"].startswith("3.1")
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    names = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document))
    assert set(names) == document["components"]["schemas"].keys()


def test_W3_the_document_has_every_route_and_no_other() -> None:
    hub, log = Hub(MemoryLog(), authorize=OpenAuthority()), MemoryLog()
    app: Any = api_routes(Rooms(hub, log), OpenAuthority(), Origins(), DaemonLimits(), Books())[1]
    routes = {
        (route.path, method.lower())
        for route in app.endpoint.routes
        for method in route.methods - {"HEAD"}
        if route.path != "/openapi.json"
    }
    assert routes == {(path, method) for path, methods in PATHS.items() for method in methods}


def test_W3_ids_are_as_the_document_describes_them() -> None:
    assert re.match(ID_PATTERN, format_id(1_800_000_000_000, "Zoe_-9", 2**40 - 1))
    assert not re.match(ID_PATTERN, "01m7yjf33l.ada.sabr24pa"), "there is no l in Crockford's base 32"


# Reading and posting


@pytest.mark.anyio
async def test_W1_D1_what_is_posted_over_http_is_in_the_room_and_what_is_in_the_room_is_read(
    daemon: Daemon, api: Api
) -> None:
    posted = api.post("Zoë 📊")
    assert posted.status_code == 201
    daemon.restart()
    async with Peer(user="bob", server=daemon.address) as peer:
        with anyio.fail_after(PATIENCE):
            room = await peer.enter("lobby")
            await peer.settled()
            [message] = room.timeline
            room.react(message.id, "👍")
            room.edit(room.post("tea"), "coffee")
            stream = room.stream(re=message.id)
            stream.append("half of")
            await peer.settled()
        first, second, third = api.get(LOBBY).json()["messages"]
        assert [room["users"] for room in api.get(ROOMS).json()["rooms"]] == [["bob"]], (
            "reading is not entering"
        )
    assert (message.user, message.text) == ("ada", "Zoë 📊")
    assert first == posted.json() | {"reactions": {"👍": ["bob"]}}
    assert (second["user"], second["text"]) == ("bob", "coffee")
    assert datetime.fromisoformat(second["edited"]) >= datetime.fromisoformat(second["time"])
    assert (third["text"], third["streaming"], third["agent"]) == ("half of", True, True)
    assert third["re"] == message.id


def test_W1_answers_name_what_they_answer_and_threads_read_back(api: Api) -> None:
    first = api.post("tea?").json()["id"]
    assert api.post("yes", re=first).json()["re"] == first
    assert [message["re"] for message in api.get(LOBBY).json()["messages"]] == [None, first]


def test_W1_the_embedded_agent_answers_who_posts_over_http(tmp_path: Path) -> None:
    with Daemon(tmp_path / "daemon") as daemon:
        api = Api(daemon)
        api.post("@agent what is 6*7?")
        deadline = time.monotonic() + PATIENCE
        while not any("42" in text for text in api.texts()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert api.get(LOBBY).json()["messages"][1]["agent"] is True


def test_W1_W2_a_room_of_long_messages_is_read_as_any_other(api: Api) -> None:
    texts = [str(number) * MAX_TEXT for number in range(6)]
    posted = [api.post(text, key=text[:1]).json() for text in texts]
    assert api.get(LOBBY).json()["messages"] == posted
    assert api.post(texts[3], key="3").json() == posted[3]


def test_W4_pages_are_bounded_and_lead_to_everything(api: Api) -> None:
    ids = [api.post(f"number {number}").json()["id"] for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    sizes = []
    while cursor is not None or not seen:
        query = {"limit": "3"} | ({"before": cursor} if cursor else {})
        page = api.get(LOBBY, params=query).json()
        sizes.append(len(page["messages"]))
        seen[:0] = [message["id"] for message in page["messages"]]
        cursor = page["next"]
    assert seen == ids
    assert sizes == [3, 3, 1]
    assert api.get(LOBBY, params={"limit": MAX_PAGE + 1}).status_code == 422


def test_W1_rooms_are_those_that_the_token_allows_page_by_page(folder: Path, guarded: Daemon) -> None:
    everywhere = Api(guarded, token(folder, "ada", {"*": Role.WRITER}))
    for room in ("lobby", "team-a", "team-b"):
        everywhere.post("hello", room=room)
    some = Api(guarded, token(folder, "bob", {"team-*": Role.READER}))
    rooms = some.get(ROOMS).json()["rooms"]
    assert [(room["name"], room["role"]) for room in rooms] == [("team-a", "reader"), ("team-b", "reader")]
    first = everywhere.get(ROOMS, params={"limit": 2}).json()
    assert [room["name"] for room in first["rooms"]] == ["lobby", "team-a"]
    rest = everywhere.get(ROOMS, params={"after": first["next"]}).json()
    assert ([room["name"] for room in rest["rooms"]], rest["next"]) == (["team-b"], None)


# The same guard


def test_W1_G10_G11_the_guard_judges_what_comes_over_http(folder: Path, guarded: Daemon) -> None:
    writer = Api(guarded, token(folder, "ada"))
    agent = Api(guarded, token(folder, "bot", {"lobby": Role.AGENT}))
    reader = Api(guarded, token(folder, "bob", {"lobby": Role.READER}))
    refused = writer.post("I am a robot", agent=True)
    assert (refused.status_code, refused.json()["rule"]) == (403, "G10")
    assert writer.post("after the refusal").status_code == 201, "what was refused is never sent again"
    assert agent.post("beep", agent=True).json()["agent"] is True
    silenced = reader.post("let me")
    assert (silenced.status_code, silenced.json()["rule"]) == (403, "G11")
    assert reader.texts() == ["after the refusal", "beep"]


def test_U2_W1_an_unknown_and_a_forbidden_room_answer_the_same(folder: Path, guarded: Daemon) -> None:
    Api(guarded, token(folder, "ada", {"cellar": Role.WRITER})).post("hidden", room="cellar")
    caller = Api(guarded, token(folder, "bob", {"team-*": Role.WRITER}))
    paths = [f"/api/v1/rooms/{room}/messages" for room in ("cellar", "nowhere", "team-unknown", "no%20name")]
    answers = [caller.get(path) for path in paths]
    answers += [caller.post("hello", room=room) for room in ("cellar", "nowhere")]
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[0].text)}


def test_U1_U5_W1_without_a_valid_token_nothing_is_told(folder: Path, guarded: Daemon) -> None:
    good = token(folder, "ada")
    answers = [Api(guarded, bad).get(ROOMS) for bad in ("", "ada", good[:-4] + "AAAA")]
    answers.append(Api(guarded, "").get(ROOMS, params={"token": good}))
    for answer in answers:
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    assert Api(guarded, good).get(ROOMS).status_code == 200


# Sent again


def test_W2_D5_with_a_key_a_message_is_posted_once_whoever_crashes_between(daemon: Daemon, api: Api) -> None:
    first = api.post("once", key="order 66")
    daemon.restart()
    again = api.post("once", key="order 66")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert Api(daemon, "bob").post("once", key="order 66").status_code == 201, "keys are a user's own"
    assert api.post("twice", key="order 66").status_code == 422
    assert api.texts() == ["once", "once"]


@pytest.mark.anyio
async def test_W2_who_sends_it_ten_times_at_once_posts_it_once(daemon: Daemon) -> None:
    answers: list[httpx2.Response] = []
    url = url_of(daemon) + LOBBY
    headers = {"authorization": "Bearer ada", "idempotency-key": "k"}

    async def send(client: httpx2.AsyncClient) -> None:
        answers.append(await client.post(url, json={"text": "once"}, headers=headers))

    async with httpx2.AsyncClient(timeout=PATIENCE) as client, anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(send, client)
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.text for answer in answers}) == 1


# What goes wrong


BODIES = {
    b"": 422,
    b"{": 422,
    b"[" * 100_000: 422,
    b'"text"': 422,
    b"{}": 422,
    b'{"text": 1}': 422,
    b'{"text": " "}': 422,
    b'{"text": "\\ud800"}': 422,
    b'{"text": "a", "user": "bob"}': 422,
    b'{"text": "a", "re": "b"}': 422,
    b'{"text": "a", "agent": 1}': 422,
    b'{"text": "%s"}' % (b"x" * (MAX_TEXT + 1)): 413,
    b" " * (MAX_BODY + 1): 413,
}


def test_W4_a_body_that_cannot_be_is_told_without_being_repeated(api: Api) -> None:
    for body, status in BODIES.items():
        answer = api.ask("POST", LOBBY, content=body)
        assert answer.status_code == status, body[:40]
        assert len(answer.content) < 500
    assert api.post("x" * MAX_TEXT).status_code == 201
    assert api.post("y", key="k" * 256).status_code == 422


def test_W1_W3_a_room_one_message_and_read_marks_are_told_as_the_document_says(api: Api) -> None:
    first, second = (api.post(f"number {number}").json() for number in range(2))
    assert api.get(f"{LOBBY}/{first['id']}").json() == first
    assert api.get(f"{LOBBY}/{first['id']}", params={"page": 0}).json() == first
    elsewhere = api.get(f"{LOBBY}/{first['id']}", params={"page": 7})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "no_message")
    marked = api.ask("PUT", f"{ROOMS}/lobby/read", json={"id": second["id"]})
    assert (marked.status_code, marked.json()) == (202, {"read": second["id"]})
    assert api.get(f"{ROOMS}/lobby").json()["role"] == "agent"
    assert api.get(f"{ROOMS}/nowhere").status_code == 404
    for body in (b"", b"{}", b'{"id": "a"}', b'{"id": 1}', b"[" * 100_000):
        assert api.ask("PUT", f"{ROOMS}/lobby/read", content=body).status_code == 422
    for path in ("first", f"{first['id']}?page=x", f"{first['id']}?page="):
        assert api.get(f"{LOBBY}/{path}").status_code == 422


def test_W4_a_query_that_cannot_be_is_told(api: Api) -> None:
    for query in (
        "limit=0",
        "limit=-1",
        "limit=a",
        "limit=²",
        "limit=" + "9" * 5000,
        "before=0",
        "before=",
        "before=a:",
        "before=:",
    ):
        assert api.get(f"{LOBBY}?{query}").status_code == 422, query


def test_W4_paths_and_methods_that_there_are_not_are_told_in_the_same_shape(api: Api) -> None:
    assert api.get("/api/v1/nothing").status_code == 404
    refused = api.ask("DELETE", LOBBY)
    assert (refused.status_code, refused.headers["content-type"]) == (405, "application/problem+json")


def test_W4_L2_who_is_over_a_limit_is_told_its_name_and_when_to_try_again(
    folder: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("[limits]\nnew_docs_per_hour = 1\n")
    with Daemon(folder, "--no-agent", "--config", str(settings)) as daemon:
        api = Api(daemon, token(folder, "ada", {"*": Role.WRITER}))
        assert api.post("first", room="one").status_code == 201
        answer = api.post("second", room="two")
        assert answer.status_code == 429
        assert answer.json()["limit"] == "new_docs_per_hour"
        assert 0 < int(answer.headers["retry-after"]) <= 3600
        assert api.post("third", room="one").status_code == 201
        assert (
            Api(daemon, token(folder, "bob", {"two": Role.WRITER})).post("mine", room="two").status_code
            == 201
        )


def test_W4_L2_who_asks_too_often_is_told_so_and_nobody_else_notices(tmp_path: Path) -> None:
    limits = ("--limit", "requests_burst=3", "--limit", "requests_per_second=0.01")
    with Daemon(tmp_path / "daemon", "--no-agent", *limits) as daemon:
        api = Api(daemon)
        answers = [api.get(USAGE) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert answers[3].json()["limit"] == "requests_per_second"
        assert 60 < int(answers[3].headers["retry-after"]) <= 100
        assert Api(daemon, "bob").get(USAGE).json()["requests"] == 1
        metrics = httpx2.get(url_of(daemon) + "/metrics").text
        assert 'limits_hit_total{limit="requests_per_second"} 2.0' in metrics


def test_R2_W4_neither_texts_nor_tokens_are_in_the_log(folder: Path, guarded: Daemon) -> None:
    secret = token(folder, "ada")
    api = Api(guarded, secret)
    api.post(TEXT)
    api.post(TEXT, agent=True)
    api.ask("POST", LOBBY, content=b'{"text": "%s"' % TEXT.encode())
    api.get(LOBBY)
    assert guarded.process.terminate() == 0
    assert TEXT not in guarded.stderr()
    assert secret not in guarded.stderr()
    assert "failed" not in guarded.stderr()


def test_W1_usage_counts_what_the_caller_did(api: Api, daemon: Daemon) -> None:
    api.post("one")
    api.post("two", key="k")
    api.post("two", key="k")
    api.post("three", room="other")
    usage = api.get(USAGE).json()
    assert (usage["user"], usage["requests"]) == ("ada", 5)
    assert usage["messages"] == {"lobby": 2, "other": 1}
    assert Api(daemon, "bob").get(USAGE).json()["messages"] == {}
