"""From labels in an answer to the messages that it cites, and to the labels of a later prompt (A6)."""

from hypothesis import given
from hypothesis import strategies as st

from syncchat.agent.citing import cites, labelled, relabelled
from syncchat.agent.lines import Line
from syncchat.core.answer import MAX_CITES

LINES = [Line(i, "ann", f"text {i}", False, f"id{i}") for i in range(1, 4)]
LABELS = {"m1": "id1", "m2": "id2", "m3": "id3"}


def test_each_line_has_a_label() -> None:
    assert labelled(LINES) == LABELS


def test_A6_labels_in_an_answer_are_its_citations_each_once_in_its_order() -> None:
    text = "Yes [m2], see [m1; m3] and [ m2 ]. Not m1, [n1], [m1](http://x), [[m99]] or [m]."
    assert cites(text, LABELS) == [("m2", "id2"), ("m1", "id1"), ("m3", "id3")]


def test_A6_a_label_that_the_prompt_did_not_give_cites_nothing() -> None:
    assert cites("[m4] [m0] [m1000] [m01] [m²]", LABELS) == []


def test_an_answer_cites_a_bounded_number_of_messages() -> None:
    many = {f"m{i}": f"id{i}" for i in range(1, 100)}
    assert len(cites("".join(f"[{label}]" for label in many), many)) == MAX_CITES


@given(st.text(alphabet="[]m0123,; ", max_size=60))
def test_A6_no_text_cites_what_was_not_in_the_prompt(text: str) -> None:
    found = cites(text, LABELS)
    assert len({label for label, _ in found}) == len(found)
    assert all(LABELS[label] == id and label in text for label, id in found)


def test_A6_earlier_answers_get_the_labels_of_the_present_prompt() -> None:
    answer = Line(9, "bot", "8040 [m7], or [m1, m8]; [m5].", True, "id9", (("m7", "id2"), ("m1", "id3")))
    assert relabelled(answer, LABELS) == "8040 [m2], or [m3]; ."
