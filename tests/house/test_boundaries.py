"""The library's boundaries: what importing it loads, and what its core may not touch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "syncchat" / "core"
CORE_FILES = sorted(CORE.rglob("*.py"))
SLOW_OR_OPTIONAL = {"mcp", "openai", "starlette", "textual", "uvicorn", "websockets"}
IMPURE = SLOW_OR_OPTIONAL | {
    "anyio",
    "asyncio",
    "logging",
    "os",
    "random",
    "secrets",
    "socket",
    "threading",
    "time",
}


def imports(tree: ast.Module) -> Iterator[str]:
    """The top names of all that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def async_lines(tree: ast.Module) -> list[int]:
    """The lines on which something asynchronous begins."""
    kinds = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
    return [node.lineno for node in ast.walk(tree) if isinstance(node, kinds)]


@pytest.mark.parametrize("module", ["syncchat", "syncchat.agent", "syncchat.agent.tools.mcp_source"])
def test_importing_the_library_loads_nothing_slow_or_optional(module: str) -> None:
    script = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "syncchat" in loaded
    assert not loaded & SLOW_OR_OPTIONAL


@pytest.mark.parametrize("path", CORE_FILES, ids=lambda path: path.stem)
def test_the_core_is_pure(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not set(imports(tree)) & IMPURE
    assert not async_lines(tree)


def test_the_checks_of_the_core_see_what_they_look_for() -> None:
    tree = ast.parse("def f():\n    import os.path\n    from time import sleep\nasync def g(): ...")
    assert set(imports(tree)) == {"os", "time"}
    assert async_lines(tree) == [4]
