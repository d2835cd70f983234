"""What people type to search: taken apart as they mean it, or told what is wrong with it."""

from contextlib import closing, suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncchat.search.file import open_index
from syncchat.search.finding import Found, search
from syncchat.search.query import MAX_QUERY, MAX_TERMS, OPERATORS, BadQuery, Query, Term, parse


def terms(*words: str) -> Query:
    return Query(tuple(map(Term, words)))


def ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]  # ints they are


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("cake", terms("cake")),
        ("  the   cake ", terms("the", "cake")),
        ('"the cake" cellar', terms("the cake", "cellar")),
        ("“the cake”", terms("the cake")),
        ('a"b c"d', terms("a", "b c", "d")),
        ("cell*", Query((Term("cell", prefix=True),))),
        ('"cell*"', terms("cell*")),
        ("hello :-) 👍", terms("hello")),
        ("AND OR NOT NEAR(a b)", terms("AND", "OR", "NOT", "NEAR(a", "b)")),
        ("12:30 std::vector https://example.org todo: x:y", None),
        ("cake author:ada", Query((Term("cake"),), authors=frozenset({"ada"}))),
        ("author:@Ada Author:bob", Query(authors=frozenset({"ada", "bob"}))),
        ('room:"lobby" room:#team-a', Query(rooms=frozenset({"lobby", "team-a"}))),
        ("has:link", Query(link=True)),
        ("after:2026-11-01", Query(after=ms(2026, 11, 1))),
        ("before:2026-11-01T09:30", Query(before=ms(2026, 11, 1, 9, 30))),
        ("before:2026-11-01T09:30+01:00", Query(before=ms(2026, 11, 1, 8, 30))),
        ("after:2026-11-01 after:2026-11-02", Query(after=ms(2026, 11, 2))),
        ("before:0001-01-01T00:00+14:00", Query(before=0)),
        ("nul\0 between", terms("nul", "between")),
    ],
)
def test_H8_a_query_is_read_as_it_is_meant(text: str, wanted: Query | None) -> None:
    assert parse(text) == (wanted or terms(*text.split()))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing to search for"),
        ('""', "nothing to search for"),
        (" :-) * ", "nothing to search for"),
        ('the "cake', "not closed"),
        ("auther:ada", "no operator: there are author:"),
        ("author: ada", "nothing stands behind author:"),
        ("author:", "nothing stands behind author:"),
        ("author:*", "no name of a user"),
        ("room:" + "x" * 41, "no name of a room"),
        ("has:cake", "has:link"),
        ("before:2026-02-30", "2026-11-21"),
        ("after:yesterday", "2026-11-21"),
        ("after:2026-11-02 before:2026-11-01", "look at after: and before:"),
        ("a*", "too little"),
        ("x" * (MAX_QUERY + 1), f"{MAX_QUERY} characters"),
        ("x " * (MAX_TERMS + 1), f"{MAX_TERMS} words"),
    ],
)
def test_H8_a_query_that_cannot_be_meant_is_told_with_its_remedy(text: str, words: str) -> None:
    with pytest.raises(BadQuery) as refused:
        parse(text)
    assert words in str(refused.value)
    assert refused.value.remedy


OPERATED = [*(f"{name}:" for name in OPERATORS), "has:link", "x:"]
ODD = [*"\"*:(){}^+-~'\\%_ \0\u0301\ud800٣²", "NEAR", "AND", "2026-11-01", "T24:00Z"]
PIECES = st.text(max_size=6) | st.sampled_from(OPERATED) | st.sampled_from(ODD)


TYPED = st.lists(PIECES, max_size=12).map("".join)


@given(TYPED)
def test_H8_whatever_is_typed_is_a_query_or_told_to_be_none(text: str) -> None:
    query = None
    with suppress(BadQuery):
        query = parse(text)
    assert query != Query()
    for term in query.terms if query is not None else ():
        assert "\0" not in term.text
        assert any(map(str.isalnum, term.text))


@given(TYPED)
def test_H8_whatever_is_typed_never_meets_an_error_of_the_index(text: str) -> None:
    with suppress(BadQuery), closing(open_index(None)) as empty:
        assert search(empty, parse(text), None, 20, None) == Found([], None)
