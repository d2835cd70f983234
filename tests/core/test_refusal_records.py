"""What was refused, as it is written down beside a log; and new ids for what was written too far ahead."""

import pytest
from pycrdt import Doc, Map

from syncchat.core.codec import dump
from syncchat.core.ids import Hlc, format_id, parse_id
from syncchat.core.rebuild import can_restamp, restamping
from syncchat.core.refusal import MAX_REFUSALS, Refusal, Refusals, dropping, keeping, rebuilt

NOW = 1_800_000_000_000
HOUR = 3_600_000


def refusal(number: int = 0) -> Refusal:
    return Refusal("G1", "no", "lobby/0", ("messages", f"key{number}"), f"text {number} ⭐", NOW)


def test_G14_records_tell_what_is_kept_what_was_dismissed_and_what_was_rebuilt() -> None:
    kept = Refusals()
    assert kept.take(keeping(refusal(1))) is None
    kept.take(keeping(refusal(1)))
    kept.take(keeping(refusal(2)))
    assert kept.all == [refusal(1), refusal(2)]
    kept.take(dropping(refusal(1)))
    assert kept.all == [refusal(2)]
    assert kept.take(rebuilt([("messages", "a")])) == (("messages", "a"),)
    again = Refusals()
    assert again.take(kept.whole()) == (("messages", "a"),), "another process may hear of it so only"
    assert again.all == [refusal(2)]


def test_G14_the_oldest_are_forgotten_past_the_limit() -> None:
    kept = Refusals()
    for number in range(MAX_REFUSALS + 5):
        kept.take(keeping(refusal(number)))
    assert kept.all == [refusal(number) for number in range(5, MAX_REFUSALS + 5)]


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"[" * 100_000, b"7", b'{"keep": {"rule": 1}}', b'{"all": 7}']
)
def test_G14_what_is_no_record_is_passed_over(data: bytes) -> None:
    kept = Refusals()
    kept.take(keeping(refusal()))
    assert kept.take(data) is None
    assert kept.all == [refusal()]


def clock(offset: int = -HOUR) -> Hlc:
    hlc = Hlc(lambda: NOW - offset)
    hlc.correct(offset)
    return hlc


def ids(*times: int, user: str = "ann") -> list[str]:
    return [format_id(time, user, number) for number, time in enumerate(times)]


def test_G9_ids_from_the_future_keep_their_order_and_distance() -> None:
    old = ids(NOW + HOUR - 5000, NOW + HOUR - 4000, NOW + HOUR - 10)
    again = restamping([("messages", id) for id in old], Doc(), "ann", clock())
    assert [parse_id(again.ids[id]).hlc for id in old] == [NOW - 5000, NOW - 4000, NOW - 10]
    assert again == restamping([("messages", id) for id in old], Doc(), "ann", clock()), "every time the same"


def test_G9_an_id_that_would_still_be_far_ahead_gets_the_present() -> None:
    old = ids(NOW + 2 * HOUR, NOW + 3 * HOUR)
    again = restamping([("messages", id) for id in old], Doc(), "ann", clock())
    assert [parse_id(again.ids[id]).hlc - NOW for id in old] == [0, 1]


def test_G9_the_ids_of_others_and_those_the_server_has_stay() -> None:
    theirs, known, past = *ids(NOW + HOUR, user="bob"), *ids(NOW + HOUR), *ids(NOW - 1)
    there: Doc[Map[object]] = Doc()
    there.get("messages", type=Map)[known] = "{}"
    rows = [("messages", id) for id in (theirs, known, past)]
    assert restamping(rows, there, "ann", clock()).ids == {}
    uncorrected = Hlc(lambda: NOW)
    assert restamping([("messages", id) for id in ids(NOW + HOUR)], Doc(), "ann", uncorrected).ids == {}


def test_G9_whatever_names_an_id_names_the_new_one() -> None:
    first, second = ids(NOW + HOUR - 9, NOW + HOUR - 8)
    source: Doc[Map[object]] = Doc()
    source.get("messages", type=Map)[second] = dump({"text": "x", "re": first, "edited": NOW + HOUR})
    again = restamping([("messages", first), ("messages", second)], Doc(), "ann", clock())
    new = again.ids[first]
    assert again.row(("reactions", f"{first}|ann|⭐")) == ("reactions", f"{new}|ann|⭐")
    assert again.row(("requests", f"stop|{first}|ann")) == ("requests", f"stop|{new}|ann")
    assert again.text(source, ("messages", second)) == dump({"text": "x", "re": new, "edited": NOW})
    assert again.text(source, ("messages", first)) is None


def test_G9_only_what_one_has_stamped_oneself_can_be_stamped_anew() -> None:
    [id] = ids(NOW + HOUR)
    assert can_restamp(("messages", id), "ann", clock())
    assert can_restamp(("reactions", f"{id}|ann|⭐"), "ann", clock())
    assert not can_restamp(("messages", id), "bob", clock())
    assert not can_restamp(("messages", "no id"), "ann", clock())
    assert not can_restamp(("messages", id), "ann", Hlc(lambda: NOW)), "nobody has told what time it is"
