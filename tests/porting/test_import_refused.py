"""Files that are broken, half, huge or nothing: each is refused with its place, and the room is as it was."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from syncchat.core.ids import format_id
from syncchat.core.message import MAX_TEXT
from syncchat.errors import SyncchatError
from syncchat.porting import slack_files
from syncchat.porting.authors import read_table
from syncchat.porting.input import MAX_LINE, BadInput
from tests.porting.samples import IRSSI, NOW, slack_folder, take, told, written

ID = format_id(NOW - 1000, "ada", 1)
LATE = format_id(NOW + 120_000, "ada", 1)
HEADER = '{"syncchat":1,"room":"lobby","title":"","topic":"","messages":2}\n'
LINE = json.dumps({"id": ID, "text": "hi"}) + "\n"


def message(**fields: object) -> bytes:
    return (LINE + json.dumps({"id": ID, "text": "hi"} | fields) + "\n").encode()


JSONL: dict[str, tuple[bytes, str]] = {
    "cut in the middle": (LINE.encode() + b'{"id": "01', r":2: .*ends in the middle of a line"),
    "no JSON": (LINE.encode() + b"nothing\n", r":2: that is no JSON"),
    "no object": (LINE.encode() + b"[1]\n", r":2: .* JSON object"),
    "no UTF-8": (LINE.encode() + b'{"id": "\xff"}\n', r":2: that is no UTF-8"),
    "nested without end": (b'{"id":' * 1 + b"[" * 100_000 + b"\n", r":1: that is no JSON"),
    "no last line": ((HEADER + LINE).encode(), r":2: .*ends here without its last line"),
    "another number": (
        (HEADER + LINE + '{"end":true,"messages":2}\n').encode(),
        r":3: 1 messages stand above",
    ),
    "a later version": (b'{"syncchat":2}\n', r":1: it is of version 2.*update"),
    "no id": (message(id="lobby"), r":2: .*no message id"),
    "a time that has not come": (message(id=LATE), r":2: its time has not come yet"),
    "no text": (message(text=None), r":2: .*without a `text`"),
    "a text of another kind": (message(text=7), r":2: `text` has to be a text"),
    "a text that is too long": (message(text="x" * (MAX_TEXT + 1)), r":2: .*a message may have 16384"),
    "a text of control characters": (message(text="\x01" * MAX_TEXT), r":2: .*so many control characters"),
    "an edit at no time": (message(edited="yesterday"), r":2: "),
    "an edit at a time of nowhere": (message(edited="2026-11-21T11:16:28"), r":2: .*without its offset"),
    "an unknown state": (message(state="angry"), r":2: there is no state 'angry'"),
    "reactions that are none": (message(reactions={"x": "ada"}), r":2: `reactions` has to"),
    "a reaction that cannot be": (message(reactions={"a|b": ["ada"]}), r":2: .*no reaction"),
    "a lone surrogate": (LINE.encode() + f'{{"id":"{ID}","text":"\\ud800"}}'.encode(), r":2: .*surrogate"),
}


def untouched(log: Path, tmp_path: Path, work: Callable[[], object], pattern: str) -> None:
    """It is refused with these words, and the room stays what it is."""
    take(log, written(tmp_path / "irc.log", IRSSI))
    before = told(log, tmp_path)
    with pytest.raises(SyncchatError, match=pattern):
        work()
    assert told(log, tmp_path) == before


@pytest.mark.parametrize("case", JSONL)
def test_H9_a_broken_line_is_refused_with_its_number(tmp_path: Path, case: str) -> None:
    data, pattern = JSONL[case]
    file = tmp_path / "broken.jsonl"
    file.write_bytes(data)
    log = tmp_path / "log.sqlite"
    untouched(log, tmp_path, lambda: take(log, file, format="jsonl"), rf"broken\.jsonl{pattern}")


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("[12:00] <ada> hi\n[25:00] <ada> hi\n", r"2005-02-06\.log:2: there is no time 25:00"),
        ("--- Day changed Sun Feb 31 2005\n[12:00] <ada> hi\n", r":1: there is no day 'Sun Feb 31 2005'"),
        ("2036-01-01 12:00:00\tada\thi\n", r":1: its time has not come yet"),
        ("", r"2005-02-06\.log: it is empty"),
        (
            "\0\1\2\3" * 100,
            r"2005-02-06\.log: it has none of the formats that are read \(jsonl, irc, slack\)",
        ),
    ],
)
def test_H9_a_log_that_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path, text: str, pattern: str
) -> None:
    file = written(tmp_path / "2005-02-06.log", text)
    log = tmp_path / "log.sqlite"
    untouched(log, tmp_path, lambda: take(log, file), pattern)


def test_H9_a_log_without_any_day_asks_for_it(tmp_path: Path) -> None:
    file = written(tmp_path / "some.log", "[12:00] <ada> hi\n")
    with pytest.raises(BadInput, match=r"some\.log:1: nothing tells its day: give --date"):
        take(tmp_path / "log.sqlite", file)


def test_H9_one_bad_file_among_good_ones_keeps_all_of_them_out(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    good = written(tmp_path / "2005-02-06.log", "[12:00] <ada> hi\n")
    untouched(
        log, tmp_path, lambda: take(log, good, tmp_path / "missing.log"), r"missing\.log: it cannot be read"
    )


def test_H9_a_line_without_end_is_refused_before_it_is_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "huge.jsonl"
    with file.open("wb") as handle:
        handle.truncate(8 * MAX_LINE)  # of zeros, which take no room on the disk
    with pytest.raises(BadInput, match=r"huge\.jsonl:1: a line of more than 16 MB"):
        take(tmp_path / "log.sqlite", file, format="jsonl")


def slack(tmp_path: Path, name: str, text: str) -> Path:
    folder = slack_folder(tmp_path / "slack")
    written(folder / name, text)
    return folder


@pytest.mark.parametrize(
    ("name", "text", "pattern"),
    [
        (
            "general/2020-01-02.json",
            '[{"type": "mess',
            r"general/2020-01-02\.json: that is no JSON, or it ends",
        ),
        ("general/2020-01-02.json", '{"a": 1}', r"general/2020-01-02\.json: it has to be a list"),
        ("general/2020-01-02.json", '[{"text": "hi", "ts": "now"}]', r"json, entry 1: 'now' is no time"),
        ("users.json", "[" * 100_000, r"users\.json: that is no JSON"),
    ],
)
def test_H9_a_broken_slack_export_is_refused_with_its_file(
    tmp_path: Path, name: str, text: str, pattern: str
) -> None:
    log, folder = tmp_path / "log.sqlite", slack(tmp_path, name, text)
    untouched(log, tmp_path, lambda: take(log, folder), pattern)


def test_H9_a_channel_that_is_not_in_the_export_is_asked_for(tmp_path: Path) -> None:
    folder = slack(tmp_path, "users.json", "[]")
    (folder / "random").mkdir()
    written(folder / "random" / "2020-01-01.json", "[]")
    with pytest.raises(
        BadInput, match=r"no channel 'lobby': name one with --channel; there are general, random"
    ):
        take(tmp_path / "log.sqlite", folder)


def test_H9_a_zip_bomb_is_refused_before_it_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_files, "MAX_FILE", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("channels.json", "[]")
        archive.writestr("general/2020-01-01.json", b" " * (8 << 20))
    with pytest.raises(BadInput, match=r"general/2020-01-01\.json: it has more than 1 MB"):
        take(tmp_path / "log.sqlite", tmp_path / "bomb.zip")


def test_H9_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("general/2020-01-01.json", json.dumps([{"text": "hi" * 5000}]))
    data = bytearray((tmp_path / "export.zip").read_bytes())
    data[45:60] = b"\xff" * 15
    (tmp_path / "bad.zip").write_bytes(data)
    (tmp_path / "half.zip").write_bytes(data[: len(data) // 2])
    for name in ("bad", "half"):
        with pytest.raises(BadInput, match=rf"{name}\.zip.*damaged"):
            take(tmp_path / "log.sqlite", tmp_path / f"{name}.zip")


def test_H9_a_table_that_cannot_be_read_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"people\.txt:2: write a line as"):
        read_table(written(tmp_path / "people.txt", "# who is who\nada\n"))
    with pytest.raises(BadInput, match=r"people\.txt:1: user 'a b' is not allowed"):
        read_table(written(tmp_path / "people.txt", "ada = a b\n"))
