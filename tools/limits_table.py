"""Writes the table of limits in docs/running.md from the code: their names, defaults, and what happens there.

Prints nothing; a test compares. The text of a limit is the docstring below it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "running.md"
SOURCES = (ROOT / "syncchat/hub/limits.py", ROOT / "server/syncchat_server/limits.py")
BEGIN = "<!-- limits: begin (written by `python tools/limits_table.py`) -->\n"
END = "<!-- limits: end -->"


def texts(source: Path) -> Iterator[tuple[str, str]]:
    """The name of each limit in a file, and its docstring in one line; empty if it has none."""
    for made in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if not isinstance(made, ast.ClassDef):
            continue
        for statement, following in zip(made.body, [*made.body[1:], None], strict=True):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                yield statement.target.id, _text(following)


def _text(statement: ast.stmt | None) -> str:
    match statement:
        case ast.Expr(ast.Constant(str(text))):
            return " ".join(text.split())
        case _:
            return ""


def table() -> str:
    """The table, in the order of the code."""
    from syncchat_server.limits import DaemonLimits

    limits = DaemonLimits()
    rows = ["| limit | default | what it bounds, and what happens there |", "|---|---:|---|"]
    for source in SOURCES:
        rows += [f"| `{name}` | {getattr(limits, name):.15g} | {text} |" for name, text in texts(source)]
    return "\n".join(rows) + "\n"


def with_table(page: str) -> str:
    """A page with the table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    assert re.search(re.escape(BEGIN) + ".*" + re.escape(END), PAGE.read_text(encoding="utf-8"), re.DOTALL)
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
