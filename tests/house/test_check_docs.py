"""What tools/check_docs.py finds, and that it finds nothing in a tree without fault."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools import check_docs

SPEC = """# SPEC

- **D1** Durable means on disk.
- **S2** Only the difference moves. See [the code](syncchat/errors.py#L1) and [elsewhere](https://example.com/x).

| code | name | meaning | try again |
|---|---|---|---|
| 1000 | NORMAL | done | yes |
| 4401 | UNAUTHENTICATED | no token | no |
"""
ERRORS = '''"""Errors."""

class CloseCode(IntEnum):
    """Codes."""

    NORMAL = 1000
    UNAUTHENTICATED = 4401

FINAL_CODES = frozenset({CloseCode.UNAUTHENTICATED})
'''
TESTS = '''"""Tests."""

def test_D1_S2_both_hold(): ...
def test_without_a_rule(): ...
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "SPEC.md").write_text(SPEC)
    (tmp_path / "syncchat").mkdir()
    (tmp_path / "syncchat" / "errors.py").write_text(ERRORS)
    (tmp_path / "tests" / "area").mkdir(parents=True)
    (tmp_path / "tests" / "area" / "test_it.py").write_text(TESTS)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def found(check: Callable[[Path], Iterator[check_docs.Finding]], tree: Path) -> list[tuple[str, int, str]]:
    return sorted((finding.path.name, finding.line, finding.text) for finding in check(tree))


def test_a_tree_without_fault_has_no_findings(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_docs.main(tree) == 0
    assert capsys.readouterr().out == ""


def test_findings_are_printed_with_their_place(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(tree / "SPEC.md", "- **S2**", "- **S3**")
    assert check_docs.main(tree) == 1
    assert capsys.readouterr().out.splitlines() == [
        "SPEC.md:4: no test names S3: write one called test_S3_...",
        "tests/area/test_it.py:3: this test names S2, which SPEC.md does not state",
    ]


def test_a_rule_stated_twice_is_found(tree: Path) -> None:
    change(tree / "SPEC.md", "- **S2**", "- **S2** Said.\n- **S2**")
    assert found(check_docs.check_rules, tree) == [
        ("SPEC.md", 5, "S2 is stated a second time; the first is in line 4")
    ]


def test_contract_suites_of_the_library_hold_rules_up(tree: Path) -> None:
    (tree / "tests" / "area" / "test_it.py").unlink()
    (tree / "syncchat" / "testing").mkdir()
    (tree / "syncchat" / "testing" / "suite.py").write_text(
        "class LogContract:\n    async def test_D1_a(self): ...\n    async def test_S2_b(self): ...\n"
    )
    assert found(check_docs.check_rules, tree) == []


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("[a](no/such.md)", "no/such.md"),
        ("![a](no.png 'title')", "no.png"),
        ("[a](no.md#part)", "no.md#part"),
        ("[a](#part), [b](mailto:me@example.com), [c](syncchat)", None),
        ("`rows[0](no.md)`", None),
        ("```\n[a](no.md)\n```", None),
    ],
)
def test_a_relative_link_must_lead_somewhere(tree: Path, line: str, missing: str | None) -> None:
    (tree / "README.md").write_text(f"# Title\n\n{line}\n")
    expected = [("README.md", 3, f"this link leads nowhere: {missing}")] if missing else []
    assert found(check_docs.check_links, tree) == expected


def test_folders_of_others_are_left_out(tree: Path) -> None:
    for folder in (".venv", "node_modules"):
        (tree / folder).mkdir()
        (tree / folder / "README.md").write_text("[a](no.md)")
    assert found(check_docs.check_links, tree) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("4401 |", "4402 |", [("SPEC.md", 9, "CloseCode.UNAUTHENTICATED is 4401")]),
        ("no token | no", "no token | yes", [("SPEC.md", 9, "UNAUTHENTICATED is in FINAL_CODES")]),
        ("done | yes", "done | no", [("SPEC.md", 8, "NORMAL is not in FINAL_CODES")]),
        (
            "| NORMAL",
            "| WELL",
            [
                ("SPEC.md", 8, "WELL is no member of CloseCode"),
                ("errors.py", 6, "NORMAL is not in the SPEC's table of codes"),
            ],
        ),
    ],
)
def test_the_table_of_codes_is_that_of_the_code(
    tree: Path, old: str, new: str, expected: list[tuple[str, int, str]]
) -> None:
    change(tree / "SPEC.md", old, new)
    assert found(check_docs.check_codes, tree) == expected


def test_long_files_and_functions_are_found(tree: Path) -> None:
    body = "def short():\n" + "    x = 1\n" * 59 + "async def long():\n" + "    x = 1\n" * 60
    (tree / "syncchat" / "code.py").write_text(body)
    (tree / "syncchat" / "full.py").write_text("x = 1\n" * 400)
    (tree / "syncchat" / "over.py").write_text("x = 1\n" * 401)
    assert found(check_docs.check_sizes, tree) == [
        ("code.py", 61, "long has 61 lines, at most 60"),
        ("over.py", 1, "401 lines, at most 400: which concept is missing?"),
    ]
