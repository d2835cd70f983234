"""The rules' names are told to people, so the documentation has each of them."""

from pathlib import Path

import pytest

from syncchat.agent.policy import BadManners, Manners, Rule

DOC = Path(__file__).parents[2] / "docs" / "agent.md"


@pytest.mark.parametrize("rule", list(Rule))
def test_each_rule_is_in_the_documentation(rule: Rule) -> None:
    table = DOC.read_text(encoding="utf-8").partition("### Why did it speak?")[2].partition("\n## ")[0]
    assert f"`{rule}`" in table


@pytest.mark.parametrize("name", list(Manners.__dataclass_fields__))
def test_each_setting_of_manners_is_in_the_documentation_with_its_default(name: str) -> None:
    value = getattr(Manners(), name)
    shown = str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")
    shown = f'`"{value}"`' if isinstance(value, str) else shown
    assert f"| `{name}` | {shown} |" in DOC.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "wrong",
    [
        {"grace": -1},
        {"share": 1.5},
        {"hops": 1.5},
        {"hops": True},
        {"ambient": 1},
        {"on_newer": "drop"},
        {"fresh": "1"},
    ],
)
def test_manners_that_cannot_be_are_told_with_their_name(wrong: dict[str, object]) -> None:
    with pytest.raises(BadManners, match=next(iter(wrong))):
        Manners(**wrong)  # type: ignore[arg-type]  # what a file may hold
