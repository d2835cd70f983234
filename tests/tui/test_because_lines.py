"""What agents tell of their books becomes lines, whatever it is."""

from hypothesis import given
from hypothesis import strategies as st

from syncchat.agent.budget import Spend
from syncchat.agent.ledger import Entry
from syncchat.agent.policy import Rule
from syncchat_tui.because_lines import MAX_LINE, RULES, because_lines, spent_lines
from syncchat_tui.plain import plain

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=100),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=80), inner, max_size=30),
    max_leaves=20,
)
KEYS = (
    "decision",
    "rule",
    "inputs",
    "cost",
    "before",
    "problem",
    "mine",
    "room",
    "left",
    "limit",
    "currency",
)


def test_A22_each_rule_of_the_policy_is_told_in_words() -> None:
    assert set(RULES) == {str(rule) for rule in Rule}


def test_A22_a_decision_is_told_with_what_the_rule_looked_at_its_cost_and_what_was_before() -> None:
    entry = Entry(
        "lobby",
        "m",
        5,
        "speak",
        "mention",
        {"user": "ann", "names": ["bot", "bob"], "late": False},
        Spend(2, 500, 30),
        before=((1_750_000_000_000, "wait", "people first"),),
    )
    head, *rest = because_lines("bot", entry.told())
    assert head == "bot answered: the message called it by @ (mention)"
    assert rest[:5] == [
        "  it looked at:",
        "    user: ann",
        "    names: bot, bob",
        "    late: no",
        "  cost: 2 calls, 500 tokens in, 30 tokens out",
    ]
    assert rest[5].endswith(" it waits: people were left time to answer (people first)")


def test_A22_what_is_not_known_any_more_is_told_as_such() -> None:
    assert because_lines("bot", {"decision": "unknown"}) == ["bot does not know (any more)"]


def test_A23_money_and_a_limit_that_is_reached_are_told() -> None:
    sums = {"calls": 1, "tokens_in": 9, "tokens_out": 1, "money": "0.25"}
    told = {"day": "2026-11-21", "mine": sums, "room": sums, "left": 0, "limit": "calls", "currency": "USD"}
    lines = spent_lines("bot", told)
    assert lines[1] == "  for you: 1 call, 9 tokens in, 1 tokens out, 0.25 USD"
    assert lines[-1] == "  its limit calls is reached: it is quiet until midnight UTC"


@given(JSON | st.dictionaries(st.sampled_from(KEYS), JSON))
def test_A22_A23_whatever_a_hostile_agent_says_is_harmless_and_bounded(told: object) -> None:
    for lines in (because_lines("bot", told), spent_lines("bot", told)):
        assert 0 < len(lines) < 50
        assert all(len(line) <= MAX_LINE and plain(line) == line for line in lines)
