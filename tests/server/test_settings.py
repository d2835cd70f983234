"""Where settings come from: a flag goes before the environment, and that before the file."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest

from syncchat.agent.budget import Budget
from syncchat.agent.prices import Price, Prices
from syncchat.cli import main
from syncchat.cli.serving import serve
from syncchat.cli.settings import budget_of, limits_of, prices_of, retention_of
from syncchat.hub import Limits
from syncchat_server.settings import BadSetting, Keep, make_limits, make_retention

FILE = """
port = 1111
host = "127.0.0.3"
agent = false
allow_origin = ["https://one.example.org", "https://two.example.org"]
jwks = "keys.json"
endless_tokens = true

[retention.lobby]
days = 30
messages = 10000

[retention."*"]
days = 0.5

[retention.archive]

[limits]
docs_per_link = 7
idle_seconds = 1.5

[budget]
calls_per_user = 50

[prices]
currency = "EUR"
large = { in = 0.25, out = "2.50" }
"""


def parsed(*arguments: str) -> click.Context:
    """What `syncchat serve` with these arguments would run with."""
    return serve.make_context("serve", list(arguments), parent=main.make_context("syncchat", ["serve"]))


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "syncchat.toml"
    path.write_text(FILE)
    return str(path)


def test_L1_a_flag_goes_before_the_environment_and_that_before_the_file(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parsed().params["port"] == 8040
    assert parsed("--config", file).params["port"] == 1111
    monkeypatch.setenv("SYNCCHAT_PORT", "2222")
    assert parsed("--config", file).params["port"] == 2222
    assert parsed("--config", file, "--port", "3333").params["port"] == 3333


def test_L1_every_kind_of_setting_can_be_in_the_file(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCCHAT_CONFIG", file)
    found = parsed()
    wanted: dict[str, Any] = {
        "host": "127.0.0.3",
        "agent": False,
        "allow_origin": ("https://one.example.org", "https://two.example.org"),
        "jwks": Path("keys.json"),
        "endless_tokens": True,
    }
    assert {name: found.params[name] for name in wanted} == wanted
    limits = limits_of(found, [])
    assert (limits.docs_per_link, limits.idle_seconds) == (7, 1.5)
    assert limits.pending_updates == Limits().pending_updates


def test_L1_a_limit_is_set_by_a_flag_the_environment_or_the_file_in_that_order(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCCHAT_LIMIT", "docs_per_link=8 frame_bytes=100000")
    found = parsed("--config", file, "--limit", "frame_bytes=200000")
    limits = limits_of(found, found.params["limit"])
    assert (limits.docs_per_link, limits.frame_bytes, limits.idle_seconds) == (8, 200_000, 1.5)
    monkeypatch.setenv("SYNCCHAT_LIMIT", "frame_bytes=big")
    with pytest.raises(BadSetting, match="SYNCCHAT_LIMIT"):
        limits_of(found, [])
    monkeypatch.delenv("SYNCCHAT_LIMIT")
    with pytest.raises(BadSetting, match="--limit"):
        limits_of(found, ["frame_bytes"])


def test_H11_what_rooms_keep_is_in_the_file(file: str) -> None:
    assert retention_of(parsed()) == {}
    assert retention_of(parsed("--config", file)) == {
        "lobby": Keep(30, 10_000),
        "*": Keep(days=0.5),
        "archive": Keep(),
    }


def test_A23_the_budget_and_the_prices_are_in_the_file(file: str) -> None:
    assert (budget_of(parsed()), prices_of(parsed())) == (Budget(), Prices())
    found = parsed("--config", file)
    assert budget_of(found) == Budget(calls_per_user=50)
    large = Price(Decimal("0.25"), Decimal("2.50"))
    assert prices_of(found) == Prices("EUR", {"large": large})


@pytest.mark.parametrize(
    ("read", "content", "cause"),
    [
        (budget_of, "[budget]\ncals = 3", r"\[budget\] in .*bad.toml has no 'cals'"),
        (budget_of, "[budget]\ncalls = -3", r"\[budget\] in .*bad.toml calls is -3"),
        (prices_of, "[prices.large]\nin = 3", r"'large' \(\[prices\] in .*bad.toml\) has to have in and out"),
    ],
)
def test_A23_L1_a_budget_or_a_price_that_cannot_be_is_told_with_where_it_came_from(
    tmp_path: Path, read: Callable[[click.Context], object], content: str, cause: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(content)
    with pytest.raises(BadSetting, match=cause):
        read(parsed("--config", str(path)))


@pytest.mark.parametrize(
    ("table", "cause"),
    [
        ({"lobby": {"days": 0}}, "days is 0; it has to be a number over 0"),
        ({"lobby": {"days": True}}, "days is True"),
        ({"lobby": {"days": float("inf")}}, "days is inf"),
        ({"lobby": {"messages": 1.5}}, "messages is 1.5; it has to be a whole number over 0"),
        ({"lobby": {"weeks": 4}}, "may have days and messages, and nothing else"),
        ({"lobby": 30}, "may have days and messages, and nothing else"),
        ({"days": 30}, r"\[retention.days\] in x.toml may have"),
        ({"team-*": {"days": 30}}, "'team-\\*' is no room; write its name"),
    ],
)
def test_H11_L1_a_retention_that_cannot_be_is_told_with_where_it_came_from(
    table: dict[str, object], cause: str
) -> None:
    with pytest.raises(BadSetting, match=cause):
        make_retention(table, "x.toml")


def refusal(*arguments: str) -> str:
    with pytest.raises(click.UsageError) as error:
        parsed(*arguments)
    return error.value.format_message()


def test_L1_a_value_that_cannot_be_is_told_with_where_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('port = "http"')
    told = refusal("--config", str(path))
    assert "--port" in told
    assert str(path) in told
    monkeypatch.setenv("SYNCCHAT_PORT", "99999")
    assert "SYNCCHAT_PORT" in refusal()
    assert "from" not in refusal("--port", "99999")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("prot = 1", ("'prot'", "port", "allow_origin", "[limits]")),
        ("port = ", ("no TOML",)),
        ("limits = 3", ("[limits]",)),
        ("config = 'x'", ("'config'",)),
        (b"\xff", ("no TOML",)),
    ],
)
def test_L1_a_file_that_cannot_be_is_told_with_the_known_names(
    tmp_path: Path, content: str | bytes, words: tuple[str, ...]
) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    told = refusal("--config", str(path))
    for word in (str(path), *words):
        assert word in told


def test_L1_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "nowhere" in refusal("--config", str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"docs_per_lnik": 1}, ("'docs_per_lnik'", "docs_per_link", "here.toml")),
        ({"docs_per_link": -1}, ("docs_per_link", "-1", "here.toml")),
        ({"docs_per_link": 1.5}, ("docs_per_link", "whole number")),
        ({"docs_per_link": True}, ("docs_per_link", "whole number")),
        ({"docs_per_link": "many"}, ("docs_per_link", "many")),
        ({"idle_seconds": float("nan")}, ("idle_seconds", "nan")),
        ({"idle_seconds": [1]}, ("idle_seconds",)),
    ],
)
def test_L1_a_limit_that_cannot_be_is_told_with_the_known_names(
    table: dict[str, object], words: tuple[str, ...]
) -> None:
    with pytest.raises(BadSetting) as error:
        make_limits(table, "here.toml")
    for word in words:
        assert word in str(error.value)
