"""The verbs as they are typed: what they say, and that they end in order."""

import os
import subprocess
from pathlib import Path

import pytest

from syncchat.cli.rooms import TOKEN_VARIABLE
from syncchat.testing.program import PATIENCE, Daemon, syncchat
from syncchat_server.issuing import make_secret
from tests.porting.samples import IRSSI, said, slack_zip, written


def run(*arguments: object, token: str | None = None) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | ({TOKEN_VARIABLE: token} if token else {})
    return subprocess.run(
        syncchat(*arguments), capture_output=True, text=True, check=False, timeout=PATIENCE, env=environment
    )


def refused(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    """It ended with one line that has these words."""
    assert done.returncode == 2
    assert done.stderr.startswith("syncchat: ")
    assert done.stderr.count("\n") == 1
    assert all(word in done.stderr for word in words), done.stderr


def test_H9_a_log_is_imported_with_a_table_and_told_how_much_of_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    table = written(tmp_path / "people.txt", "# who is who\n[zoe] = zoe\n")
    file = written(tmp_path / "irc.log", IRSSI)
    first = run("import", "lobby", file, "--data", data, "--map", table)
    assert first.stderr == "syncchat: 4 messages were imported into lobby; 2 lines were no messages\n"
    again = run("import", "lobby", file, "--data", data, "--map", table)
    assert "0 messages were imported into lobby; 4 were there already" in again.stderr
    assert said(data / "log.sqlite", tmp_path)[-1] == ("zoe", "bob: happy christmas")


def test_H9_a_slack_zip_is_imported_and_exported(tmp_path: Path) -> None:
    archive = slack_zip(tmp_path / "export.zip", tmp_path / "slack")
    data, out = tmp_path / "data", tmp_path / "general"
    assert run("import", "team", archive, "--channel", "general", "--data", data).returncode == 0
    done = run("export", "team", "--data", data, "--out", out)
    assert done.stderr == f"syncchat: 5 messages of team are in {out}.jsonl, {out}.md\n"
    assert "## 2020-01-01" in out.with_suffix(".md").read_text(encoding="utf-8")


def test_H9_nothing_is_imported_while_a_daemon_runs(tmp_path: Path) -> None:
    file = written(tmp_path / "irc.log", IRSSI)
    with Daemon(tmp_path / "data", "--no-agent"):
        refused(
            run("import", "lobby", file, "--data", tmp_path / "data"), "another daemon is using", "Stop it"
        )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--timezone", "Nowhere/Atall"), ("no time zone is called 'Nowhere/Atall'",)),
        (("--format", "slack"), ("irc.log", "no zip archive")),
        (("--format", "jsonl"), ("irc.log:1:", "no JSON")),
        (("--map", "/nowhere/people.txt"), ("/nowhere/people.txt", "cannot be read")),
    ],
)
def test_H9_an_import_that_cannot_be_says_why_in_a_line(
    tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    file = written(tmp_path / "irc.log", IRSSI)
    refused(run("import", "lobby", file, "--data", tmp_path / "data", *options), *words)


def test_H9_a_room_of_no_such_name_is_neither_imported_nor_exported(tmp_path: Path) -> None:
    file = written(tmp_path / "irc.log", IRSSI)
    data = tmp_path / "data"
    refused(run("import", "a/b", file, "--data", data), "room 'a/b' is not allowed")
    run("import", "lobby", file, "--data", data)
    refused(run("export", "other", "--data", data, "--out", tmp_path / "x"), "no room 'other'")
    refused(run("export", "a/b", "--data", data, "--out", tmp_path / "x"), "room 'a/b' is not allowed")
    assert not list(tmp_path.glob("*.md"))


def test_H9_an_export_needs_a_copy_or_a_server(tmp_path: Path) -> None:
    refused(run("export", "lobby", "--data", tmp_path), "no copy of any room", "--server")
    refused(run("export", "lobby", "--data", tmp_path, "--out", "-"), "one format fits on stdout")


def test_H9_who_may_not_read_a_room_gets_no_file_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "daemon"
    make_secret(folder)
    token = run("token", "--user", "ada", "--room", "other:reader", "--data", folder).stdout.strip()
    out = tmp_path / "lobby.jsonl"
    with Daemon(folder, "--no-agent") as daemon:
        options = ("--server", daemon.address, "--format", "jsonl", "--out", out)
        refused(run("export", "lobby", *options, token=token), "lobby/cover could not be read")
        assert not out.exists()
        done = run("export", "other", *options, token=token)
    assert done.returncode == 0, done.stderr
    assert out.exists()
