"""Checks that SPEC, tests, code and docs tell the same, and that files and functions stay small.

Prints `file:line: what is wrong` for each finding, and ends with 1 if there was any.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
# Folders that hold nothing of ours; those whose name begins with a dot are left out as well.
FOREIGN = {"__pycache__", "dist", "node_modules"}

RULE = re.compile(r"\s*[-*] \*\*([A-Z]\d+)\*\*")
TEST = re.compile(r"test_((?:[A-Z]\d+_)+)")
LINK = re.compile(r"\]\(([^()\s]+)[^()]*\)")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
CODE_ROW = re.compile(r"\| *(\d{4}) *\| *([A-Z_]+) *\|.*\| *(yes|no) *\|")


class Finding(NamedTuple):
    """Something wrong, and where."""

    path: Path
    line: int
    text: str


class Code(NamedTuple):
    """A close code, as the SPEC's table or as errors.py has it."""

    number: int
    final: bool
    line: int


def files(folder: Path, suffix: str) -> Iterator[Path]:
    """Our files below `folder` whose name ends with `suffix`, sorted."""
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if entry.is_dir() and not entry.name.startswith(".") and entry.name not in FOREIGN:
            yield from files(entry, suffix)
        elif entry.is_file() and entry.name.endswith(suffix):
            yield entry


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of a file."""
    yield from enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions of a Python file, nested ones too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


# Rules and the tests that hold them up


def spec_rules(spec: Path) -> Iterator[tuple[str, int]]:
    """Each rule that the SPEC states, with its line."""
    for number, line in lines(spec):
        if match := RULE.match(line):
            yield match[1], number


def named_rules(paths: Iterable[Path]) -> Iterator[tuple[str, Path, int]]:
    """Each rule that the name of a test holds up: `test_D1_S2_...` names D1 and S2."""
    for path in paths:
        for function in functions(path):
            if match := TEST.match(function.name):
                yield from ((rule, path, function.lineno) for rule in match[1].split("_")[:-1])


def check_rules(root: Path) -> Iterator[Finding]:
    """Every rule has a test, every test's rule exists, and no rule is stated twice."""
    spec = root / "SPEC.md"
    stated: dict[str, int] = {}
    for rule, line in spec_rules(spec):
        if rule in stated:
            yield Finding(spec, line, f"{rule} is stated a second time; the first is in line {stated[rule]}")
        stated[rule] = line
    tests = [*files(root / "tests", ".py"), *files(root / "syncchat" / "testing", ".py")]
    named = list(named_rules(tests))
    for rule in stated.keys() - {rule for rule, _, _ in named}:
        yield Finding(spec, stated[rule], f"no test names {rule}: write one called test_{rule}_...")
    for rule, path, line in named:
        if rule not in stated:
            yield Finding(path, line, f"this test names {rule}, which SPEC.md does not state")


# Links


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of a Markdown file without its code."""
    fenced = False
    for number, line in lines(path):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, re.sub(r"`[^`]*`", "", line)


def check_links(root: Path) -> Iterator[Finding]:
    """Every relative link of a Markdown file leads to a file or folder."""
    for path in files(root, ".md"):
        for number, line in prose(path):
            for target in LINK.findall(line):
                file = target.partition("#")[0]
                if file and not SCHEME.match(target) and not (path.parent / file).exists():
                    yield Finding(path, number, f"this link leads nowhere: {target}")


# Close codes


def spec_codes(spec: Path) -> dict[str, Code]:
    """The table of codes in the SPEC; a code is final if trying again is no use."""
    rows = ((number, CODE_ROW.match(line)) for number, line in lines(spec))
    return {row[2]: Code(int(row[1]), row[3] == "no", line) for line, row in rows if row}


def error_codes(errors: Path) -> dict[str, Code]:
    """The members of `CloseCode` in errors.py, final if they are in `FINAL_CODES`; read, not imported."""
    tree = ast.parse(errors.read_text(encoding="utf-8"))
    final = {
        node.attr
        for statement in tree.body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "FINAL_CODES"
        for node in ast.walk(statement.value)
        if isinstance(node, ast.Attribute)
    }
    return {
        ast.unparse(member.targets[0]): Code(
            ast.literal_eval(member.value), ast.unparse(member.targets[0]) in final, member.lineno
        )
        for statement in tree.body
        if isinstance(statement, ast.ClassDef) and statement.name == "CloseCode"
        for member in statement.body
        if isinstance(member, ast.Assign)
    }


def check_codes(root: Path) -> Iterator[Finding]:
    """The SPEC's table of codes and `CloseCode` are the same."""
    spec, errors = root / "SPEC.md", root / "syncchat" / "errors.py"
    table, members = spec_codes(spec), error_codes(errors)
    for name in table.keys() - members.keys():
        yield Finding(spec, table[name].line, f"{name} is no member of CloseCode")
    for name in members.keys() - table.keys():
        yield Finding(errors, members[name].line, f"{name} is not in the SPEC's table of codes")
    for name in table.keys() & members.keys():
        if table[name].number != members[name].number:
            yield Finding(spec, table[name].line, f"CloseCode.{name} is {members[name].number}")
        if table[name].final != members[name].final:
            where = "in" if members[name].final else "not in"
            yield Finding(spec, table[name].line, f"{name} is {where} FINAL_CODES")


# Sizes


def check_sizes(root: Path) -> Iterator[Finding]:
    """No Python file and no function is so long that a concept must be missing."""
    for path in files(root, ".py"):
        length = sum(1 for _ in lines(path))
        if length > MAX_FILE_LINES:
            yield Finding(path, 1, f"{length} lines, at most {MAX_FILE_LINES}: which concept is missing?")
        for function in functions(path):
            length = (function.end_lineno or function.lineno) - function.lineno + 1
            if length > MAX_FUNCTION_LINES:
                limit = f"{length} lines, at most {MAX_FUNCTION_LINES}"
                yield Finding(path, function.lineno, f"{function.name} has {limit}")


CHECKS: tuple[Callable[[Path], Iterator[Finding]], ...] = (check_rules, check_links, check_codes, check_sizes)


def main(root: Path) -> int:
    """Runs all checks on the tree at `root`; the exit code of the command."""
    findings = sorted(finding for check in CHECKS for finding in check(root))
    for path, line, text in findings:
        print(f"{path.relative_to(root)}:{line}: {text}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[1]))
