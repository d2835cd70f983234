"""Names, message ids and the hybrid logical clock."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syncchat.core.ids import (
    HLC_WIDTH,
    RAND_BITS,
    RAND_WIDTH,
    DocName,
    Hlc,
    author_of,
    base32,
    check_name,
    cover_name,
    format_id,
    page_name,
    parse_doc,
    parse_id,
    user_from_subject,
)
from syncchat.errors import InvalidName

USERS = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)
TIMES = st.integers(0, 2 ** (5 * HLC_WIDTH) - 1)
RANDS = st.integers(0, 2**RAND_BITS - 1)
IDS = st.builds(format_id, TIMES, USERS, RANDS)

NO_NAMES = [
    "",
    ".",
    "..",
    "../x",
    "a/../b",
    "x" * 41,
    "x" * 300,
    "a b",
    "a\n",
    "\na",
    "a\x00",
    "a\x7f",
    "\x1b[31m",
    "a\\b",
    "a.b",
    "a%2e",
    "é",
    "٣",  # a digit to Unicode
    "lobby\u202e",
    "a'; drop table entries",
    "\ud800",
]


@given(TIMES, USERS, RANDS)
def test_I1_I3_an_id_says_what_it_was_made_of(hlc: int, user: str, rand: int) -> None:
    id = format_id(hlc, user, rand)
    assert parse_id(id) == (hlc, user, base32(rand, RAND_WIDTH))
    assert author_of(id) == user
    assert len(id) == HLC_WIDTH + 1 + len(user) + 1 + RAND_WIDTH


@given(TIMES, TIMES, USERS, USERS, RANDS, RANDS)
def test_I1_ids_sort_as_their_times_do(a: int, b: int, ann: str, bob: str, one: int, two: int) -> None:
    if a != b:
        assert (format_id(a, ann, one) < format_id(b, bob, two)) == (a < b)
    elif ann == bob:
        assert (format_id(a, ann, one) < format_id(b, bob, two)) == (one < two)


def test_I1_the_id_of_a_known_instant() -> None:
    assert format_id(1_700_000_000_000, "ann", 31) == "01hf7yat00.ann.0000000z"


@pytest.mark.parametrize("hlc", [-1, 2 ** (5 * HLC_WIDTH)])
def test_I1_a_time_that_no_id_can_hold_is_refused(hlc: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        format_id(hlc, "ann", 0)


@given(IDS, st.data())
def test_I1_I3_what_is_nearly_an_id_is_none(id: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(id) - 1))
    for wrong in (id[:at], id + "\n", id + "0", "0" + id, id[:at] + "!" + id[at + 1 :], id.replace(".", "/")):
        with pytest.raises(InvalidName):
            parse_id(wrong)
        with pytest.raises(InvalidName):
            author_of(wrong)


@pytest.mark.parametrize("letter", ["i", "l", "o", "u", "A", "٣"])
def test_I1_letters_that_are_read_as_others_are_in_no_id(letter: str) -> None:
    with pytest.raises(InvalidName):
        parse_id(f"{letter * HLC_WIDTH}.ann.00000000")


@given(
    st.lists(st.one_of(st.none(), st.integers(-(10**15), 10**15)), max_size=50), st.integers(-(10**9), 10**9)
)
def test_I2_a_clock_never_repeats_and_never_goes_back(steps: list[int | None], offset: int) -> None:
    wall = 1_700_000_000_000

    def now() -> int:
        return wall

    clock = Hlc(now)
    clock.offset = offset
    given_out = [clock.next()]
    for step in steps:
        if step is None:
            clock.see(given_out[-1] + 7)
            assert clock.next() > given_out[-1] + 7
        else:
            wall += step
        given_out.append(clock.next())
    assert all(earlier < later for earlier, later in pairwise(given_out))


@given(st.integers(0, 10**13), st.integers(0, 10**13), st.integers(0, 10**6))
def test_I2_a_time_too_far_ahead_is_not_believed(wall: int, seen: int, ahead: int) -> None:
    clock = Hlc(lambda: wall)
    clock.see(seen, ahead=ahead)
    assert clock.next() == (max(wall, seen + 1) if seen <= wall + ahead else max(wall, 1))


@pytest.mark.parametrize("name", NO_NAMES)
def test_G7_what_is_no_name_is_refused(name: str) -> None:
    for wrong in (name, f"{name}/0", f"{name}/cover"):
        with pytest.raises(InvalidName):
            parse_doc(wrong)
    with pytest.raises(InvalidName) as error:
        check_name(name, "room")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    "part",
    [
        "",
        "00",
        "01",
        "-1",
        "+1",
        "1 ",
        " 1",
        "1\n",
        "1.0",
        "1e3",
        "٣",
        "1_0",
        "1" * 10,
        "Cover",
        "cover/",
        "0/0",
        "../1",
    ],
)
def test_G7_a_page_has_a_plain_number(part: str) -> None:
    with pytest.raises(InvalidName):
        parse_doc(f"lobby/{part}")


@given(USERS, st.integers(0, 999_999_999))
@example("0", 0)
@example("cover", 10)
def test_G7_H1_docs_are_pages_covers_and_others(name: str, page: int) -> None:
    assert check_name(name) == name
    assert parse_doc(name) == DocName(name, None, False)
    assert parse_doc(page_name(name, page)) == DocName(name, page, False)
    assert parse_doc(cover_name(name)) == DocName(name, None, True)
    assert [parse_doc(doc).in_room for doc in (name, f"{name}/{page}", f"{name}/cover")] == [
        False,
        True,
        True,
    ]


@given(st.text())
@example("ann@example.org")
@example("\ud800")
def test_G7_anybody_can_be_a_user(subject: str) -> None:
    user = user_from_subject(subject)
    assert check_name(user) == user
    assert user_from_subject(subject) == user
    assert (user == subject) == (user_from_subject(user) == subject)


@given(USERS)
def test_G7_a_valid_user_stays_as_it_is(user: str) -> None:
    assert user_from_subject(user) == user


def test_G7_two_subjects_are_two_users() -> None:
    assert user_from_subject("ann@example.org") != user_from_subject("ann@example.com")


def test_I2_a_corrected_clock_knows_which_times_it_gave_since() -> None:
    now = 1_800_000_000_000
    hlc = Hlc(lambda: now)
    wrong = hlc.next()
    hlc.correct(-3_600_000)
    assert not hlc.gave(wrong)
    first, last = hlc.next(), hlc.next()
    assert [hlc.gave(time) for time in (first - 1, first, last, last + 1, wrong)] == [
        False,
        True,
        True,
        False,
        False,
    ]
    hlc.correct(-7_200_000)
    assert not hlc.gave(first), "by a correction that was wrong"
