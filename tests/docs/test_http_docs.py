"""What docs/http.md shows is executed here as it stands, against a real daemon and a real receiver."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx2
from jsonschema import Draft202012Validator

from syncchat.testing.program import PATIENCE, Daemon
from syncchat_server.api.openapi import DOCUMENT
from syncchat_server.api.schemas import EVENT
from tests.server.receiving import SECRET, Receiver

DOCS = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")


def shown(language: str) -> list[str]:
    """The examples in one language."""
    return re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)


def test_W1_W2_the_examples_of_the_docs_run_and_may_be_run_again(tmp_path: Path) -> None:
    with Daemon(tmp_path / "daemon", "--no-agent") as daemon:
        address = daemon.address.replace("ws:", "http:")
        script = "\n".join(shown("sh")).replace("http://127.0.0.1:8040", address)
        script = re.sub(r"^curl ", "curl --max-time 30 -w '\\\\n' ", script, flags=re.MULTILINE)
        for _ in range(2):
            done = subprocess.run(
                ["bash", "-euc", script], capture_output=True, text=True, timeout=PATIENCE, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
    posted, page, room, rooms, usage, found = map(json.loads, done.stdout.splitlines())
    assert page == {"messages": [posted], "late": [], "next": None}
    assert (posted["text"], posted["user"]) == ("the backup is done", "ada")
    assert (room["name"], room["role"], room["users"]) == ("lobby", "agent", ["ada"])
    assert [told["name"] for told in rooms["rooms"]] == ["lobby"]
    assert usage["messages"] == {"lobby": 1}
    assert [hit["id"] for hit in found["hits"]] in ([], [posted["id"]]), "it may be a second behind"


class Keeper(Receiver):
    """Keeps what it is sent as it came."""

    raw: tuple[dict[str, str], bytes] | None = None

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        self.raw = headers, body
        return super().take(path, headers, body)


def test_W6_a_receiver_checks_what_it_is_sent_as_the_docs_say(tmp_path: Path) -> None:
    receiver = Keeper()
    [hook], [check], [event] = shown("toml"), shown("python"), map(json.loads, shown("json"))
    hook = hook.replace("https://bridge.example.org/syncchat", receiver.url)
    hook = re.sub(r"whsec_\w+(?=\")", SECRET, hook)
    (tmp_path / "webhooks.toml").write_text(hook)
    options = ("--no-agent", "--webhooks", str(tmp_path / "webhooks.toml"))
    with Daemon(tmp_path / "daemon", *options) as daemon:
        url = daemon.address.replace("ws:", "http:") + "/api/v1/rooms/team-a/messages"
        token = {"authorization": "Bearer ada"}
        httpx2.post(url, json={"text": "the backup is done"}, headers=token).raise_for_status()
        deadline = time.monotonic() + PATIENCE
        while receiver.raw is None:
            assert time.monotonic() < deadline
    receiver.close()
    names: dict[str, Any] = {}
    exec(check, names)
    headers, body = receiver.raw
    assert names["is_genuine"](SECRET, headers, body)
    assert not names["is_genuine"](SECRET, headers, body + b" ")
    assert not names["is_genuine"]("whsec_" + "A" * 32, headers, body)
    assert not names["is_genuine"](SECRET, headers | {"webhook-timestamp": "1000000000"}, body)
    described = Draft202012Validator(EVENT | {"components": DOCUMENT["components"]})
    described.validate(event)
    described.validate(json.loads(body))
    assert json.loads(body)["data"]["text"] == event["data"]["text"]
