"""Webhooks: what is told of which messages, signed so that a receiver can tell who it is from."""

import base64
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from syncchat_server.api.openapi import DOCUMENT
from syncchat_server.api.schemas import EVENT
from syncchat_server.settings import BadSetting
from syncchat_server.webhooks import Hook, read_hooks
from tests.server.receiving import KEY, SECRET, Receiver, hooks_file, peer_of, post, serving, until

# Settings


def test_W6_a_delivery_is_signed_as_standard_webhooks_has_it() -> None:
    # The example of the specification.
    hook = Hook("https://h", base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    headers = hook.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert headers["webhook-timestamp"] == "1614265330"


BAD_TABLES = [
    'url = "https://h"',
    f'url = "file:///etc/passwd"\nsecret = "{SECRET}"',
    f'url = "https://"\nsecret = "{SECRET}"',
    f'url = "http://[broken"\nsecret = "{SECRET}"',
    'url = "https://h"\nsecret = "whsec_c2hvcnQ="',
    'url = "https://h"\nsecret = "no-prefix"',
    f'url = "https://h"\nsecret = "{SECRET}"\nrooms = ""',
    f'url = "https://h"\nsecret = "{SECRET}"\nroom = "a"',
]


def test_W6_a_webhook_that_cannot_be_is_refused_without_its_secret(tmp_path: Path) -> None:
    for table in BAD_TABLES:
        with pytest.raises(BadSetting, match="webhook 1") as raised:
            read_hooks(hooks_file(tmp_path, table))
        assert "c2hvcnQ" not in str(raised.value)
    (tmp_path / "webhooks.toml").write_text("webhook = 1")
    for path in (tmp_path / "webhooks.toml", tmp_path / "none"):
        with pytest.raises(BadSetting, match=path.name):
            read_hooks(path)


def test_W6_one_webhook_twice_is_refused(tmp_path: Path) -> None:
    table = f'url = "https://h"\nsecret = "{SECRET}"'
    with pytest.raises(BadSetting, match="same url"):
        read_hooks(hooks_file(tmp_path, table, table))
    assert len(read_hooks(hooks_file(tmp_path, table, f'{table}\nrooms = "a-*"'))) == 2


# What is told


@pytest.mark.anyio
async def test_W6_messages_are_told_once_they_are_durable(tmp_path: Path, receiver: Receiver) -> None:
    async with serving(tmp_path, Hook(receiver.url, KEY)) as hub:
        first, second = await post(hub, "hello", "Zoë 📊")
        await until(lambda: len(receiver.taken) == 2)
    assert receiver.told == [("message.created", "lobby", "hello"), ("message.created", "lobby", "Zoë 📊")]
    assert receiver.ids == [first, second]
    event = receiver.taken[0][1]
    Draft202012Validator(EVENT | {"components": DOCUMENT["components"]}).validate(event)
    assert (event["data"]["id"], event["data"]["user"]) == (first, "ada")


@pytest.mark.anyio
async def test_W6_a_message_is_told_when_it_is_finished_and_not_while_it_streams(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with serving(tmp_path, Hook(receiver.url, KEY)) as hub, peer_of(hub) as peer:
        room = await peer.enter("lobby")
        stream = room.stream()
        stream.append("half ")
        await peer.settled()
        marker = room.post("after the first half")
        await until(lambda: receiver.ids == [marker])
        stream.finish(text="half and half")
        await until(lambda: len(receiver.taken) == 2)
    assert receiver.told[1] == ("message.created", "lobby", "half and half")


@pytest.mark.anyio
async def test_W6_only_new_messages_are_told(tmp_path: Path, receiver: Receiver) -> None:
    async with serving(tmp_path, Hook(receiver.url, KEY)) as hub, peer_of(hub) as peer:
        room = await peer.enter("lobby")
        id = room.post("tea")
        await until(lambda: len(receiver.taken) == 1)
        room.react(id, "👍")
        room.edit(id, "coffee")
        await peer.settled()
        room.delete(id)
        room.set_presence(state="writing")
        await peer.settled()
        room.post("milk")
        await until(lambda: len(receiver.taken) == 2)
    assert [text for _, _, text in receiver.told] == ["tea", "milk"]


@pytest.mark.anyio
async def test_W6_only_rooms_of_the_pattern_are_told(tmp_path: Path, receiver: Receiver) -> None:
    async with serving(tmp_path, Hook(receiver.url, KEY, "team-*")) as hub:
        await post(hub, "not this", room="lobby")
        await post(hub, "this", room="team-a")
        await until(lambda: len(receiver.taken) == 1)
    assert receiver.told == [("message.created", "team-a", "this")]


@pytest.mark.anyio
async def test_W6_what_was_said_before_a_hook_was_set_up_is_not_told(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with serving(tmp_path) as hub:
        await post(hub, "old")
    async with serving(tmp_path, Hook(receiver.url, KEY)) as hub:
        await post(hub, "new")
        await until(lambda: len(receiver.taken) == 1)
    assert receiver.told == [("message.created", "lobby", "new")]
