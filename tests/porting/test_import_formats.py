"""What others' logs and exports become: times, authors, answers, reactions, and the same ids each time."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from syncchat.core.ids import NAME
from syncchat.porting.authors import Authors, readable_user
from syncchat.porting.irc import Dating
from tests.porting.samples import IRSSI, WEECHAT, messages, said, slack_folder, slack_zip, take, told, written


def test_H9_a_log_of_irssi_becomes_messages_over_midnight(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    assert take(log, written(tmp_path / "irc.log", IRSSI)).written == 4
    zoe = readable_user("[zoe]")
    assert messages(log, tmp_path) == [
        {"time": "2004-12-25T23:58:00.000Z", "user": "ada", "text": "hello"},
        {"time": "2004-12-25T23:58:00.001Z", "user": "bob", "text": "hello ada"},
        {"time": "2004-12-25T23:59:00.000Z", "user": "ada", "text": "* waves"},
        {"time": "2004-12-26T00:01:00.000Z", "user": zoe, "text": "bob: happy christmas"},
    ]


def test_H9_a_log_of_weechat_becomes_messages(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    take(log, written(tmp_path / "lobby.weechatlog", WEECHAT))
    assert messages(log, tmp_path) == [
        {"time": "2004-12-25T13:45:02.000Z", "user": "ada", "text": "hello\ttabs"},
        {"time": "2004-12-25T13:45:02.001Z", "user": "ada", "text": "* waves"},
        {"time": "2004-12-25T13:45:03.000Z", "user": "bob", "text": "bold and red"},
    ]


def test_H9_the_day_and_the_zone_of_a_log_are_as_its_name_or_its_importer_says(tmp_path: Path) -> None:
    line = "[12:00] <ada> noon\n"
    take(tmp_path / "1", written(tmp_path / "2005-02-06.train-c.raw.txt", line))
    take(
        tmp_path / "2",
        written(tmp_path / "some.log", line),
        dating=Dating(date(2005, 7, 1), ZoneInfo("Europe/Berlin")),
    )
    assert messages(tmp_path / "1", tmp_path)[0]["time"] == "2005-02-06T12:00:00.000Z"
    assert messages(tmp_path / "2", tmp_path)[0]["time"] == "2005-07-01T10:00:00.000Z"


def test_H9_what_is_no_utf8_in_an_irc_log_is_read_as_old_clients_wrote_it(tmp_path: Path) -> None:
    log, file = tmp_path / "log.sqlite", tmp_path / "2005-02-06.log"
    file.write_bytes(b"[12:00] <ada> caf\xe9\n[12:01] <ada> caf\xc3\xa9\n")
    take(log, file)
    assert [text for _, text in said(log, tmp_path)] == ["café", "café"]


def test_H9_a_log_that_has_grown_adds_what_is_new(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    file = written(tmp_path / "irc.log", IRSSI)
    take(log, file)
    before = told(log, tmp_path)[1:-1]
    written(file, IRSSI + "[00:01] <ada> bob: you too\n")
    again = take(log, file)
    assert (again.written, again.known) == (1, 4)
    assert told(log, tmp_path)[1:-2] == before


def test_H9_a_slack_export_keeps_threads_reactions_edits_deletions_and_names(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    take(log, slack_folder(tmp_path / "slack"), room="general")
    header, question, bot, answer, gone, file, _ = told(log, tmp_path, "general")
    bob = readable_user("bob.b")
    assert (header["room"], header["topic"]) == ("general", "all & sundry")
    assert question["user"] == bob
    assert question["text"] == f"who is @{bob}? see here (https://example.org) <3"
    assert question["reactions"] == {"👍": ["U9", bob], ":party-parrot:": [bob]}
    assert (bot["user"], bot["agent"]) == ("CI", True)
    assert (answer["user"], answer["re"], answer["edited"]) == (
        "U9",
        question["id"],
        "2020-01-02T00:01:40.000Z",
    )
    assert gone["deleted"]
    assert "text" not in gone
    assert file["text"] == "[file: plan.pdf]"


def test_H9_a_zip_of_slack_is_what_its_folder_is_and_importing_both_adds_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    take(log, slack_folder(tmp_path / "slack"))
    again = take(log, slack_zip(tmp_path / "export.zip", tmp_path / "other"))
    assert (again.written, again.known) == (0, 5)


def test_H9_names_from_elsewhere_become_users_and_no_two_become_one() -> None:
    names = ["ada", "Zoë Müller", "zoe|away", "zoe[away]", "[zoe]", "", "名前", "a" * 80, "x y", "x_y"]
    authors = Authors()
    users = [authors.user(name) for name in names]
    assert len(set(users)) == len(names)
    assert all(NAME.match(user) for user in users)
    assert users == [Authors().user(name) for name in names]
    assert users[0] == "ada"
    assert users[1].startswith("Zoe_Muller-")


def test_H9_a_table_says_who_somebody_is(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    authors = Authors({"ada": "lovelace", "[zoe]": "lovelace"})
    take(log, written(tmp_path / "irc.log", IRSSI), authors=authors)
    assert [user for user, _ in said(log, tmp_path)] == ["lovelace", "bob", "lovelace", "lovelace"]


def test_H9_a_text_longer_than_a_message_becomes_several(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    text = "".join(chr(0x4E00 + number % 5000) for number in range(10_000))
    take(log, written(tmp_path / "2005-02-06.log", f"[12:00] <ada> {text}\n[12:00] <bob> next\n"))
    *parts, following = [text for _, text in said(log, tmp_path)]
    assert len(parts) > 1
    assert "".join(parts) == text
    assert following == "next"
