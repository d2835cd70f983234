"""Whom a message mentions."""

import pytest

from syncchat.core.mentions import MAX_MENTIONED, mentioned


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ("nobody", ()),
        ("@ann", ("ann",)),
        ("hello @ann, @Bob: and (@cy-1_x)!", ("ann", "Bob", "cy-1_x")),
        ("@ann @ann's", ("ann",)),
        ("ann@example.org, @@ann, @annä, @ ann, _@ann", ()),
        ("@" + "x" * 40, ("x" * 40,)),
        ("@" + "x" * 41, ()),
        ("@", ()),
    ],
)
def test_H7_a_mention_is_an_at_and_a_name(text: str, users: tuple[str, ...]) -> None:
    assert mentioned(text) == frozenset(users)


def test_H7_G6_a_message_mentions_so_many_and_no_more() -> None:
    names = [f"user{number}" for number in range(100)]
    assert mentioned(" ".join(f"@{name}" for name in names)) == frozenset(names[:MAX_MENTIONED])
