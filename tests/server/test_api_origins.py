"""Which web pages may use the HTTP API of a daemon: those of its own host, and those that are allowed."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from syncchat.testing.program import Daemon

PAGE = "https://app.example.org"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Where a daemon without authentication has its rooms, which allows one web page."""
    with Daemon(tmp_path / "daemon", "--no-agent", "--allow-origin", PAGE) as daemon:
        yield daemon.address.replace("ws:", "http:") + "/api/v1/rooms"


def get(url: str, **headers: str) -> httpx2.Response:
    return httpx2.get(url, headers={"authorization": "Bearer ada"} | headers)


def preflight(url: str, origin: str) -> httpx2.Response:
    """What a browser asks before a script of `origin` may post."""
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,idempotency-key",
    }
    return httpx2.options(f"{url}/lobby/messages", headers=headers)


def test_W5_a_web_page_that_is_allowed_may_use_it_and_reads_errors_too(url: str) -> None:
    asked = preflight(url, PAGE)
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == PAGE
    for answer in (get(url, origin=PAGE), get(f"{url}/none/messages", origin=PAGE)):
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "retry-after" in answer.headers["access-control-expose-headers"].lower()


def test_W5_other_web_pages_may_not(url: str) -> None:
    answer = get(url, origin="https://evil.example.org")
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_page")
    assert "access-control-allow-origin" not in answer.headers
    assert preflight(url, "https://evil.example.org").status_code == 400


def test_W5_U7_without_authentication_a_name_made_to_point_here_is_refused(url: str) -> None:
    """DNS rebinding: to the browser it is the page's own host, so that there is no Origin with a GET."""
    refused = get(url, host="evil.example.org:8040")
    assert (refused.status_code, refused.json()["code"]) == (403, "foreign_host")
    assert get(url, host="localhost:8040").status_code == 200
