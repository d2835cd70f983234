"""An MCP server for the tests: it adds, fails, tells its environment, and ends when it is told to."""

import os

from mcp.server import MCPServer

server = MCPServer("sums")


@server.tool()
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@server.tool()
def fail() -> str:
    """Fail."""
    raise RuntimeError("no such thing")


@server.tool()
def end() -> str:
    """End without a word."""
    os._exit(1)


@server.tool(name="odd.name/of it")
def odd() -> str:
    """A name that chat completions would refuse."""
    return "odd"


@server.tool()
def mode() -> str:
    """What the environment says."""
    return f"{os.environ.get('MODE')} {'OPENAI_API_KEY' in os.environ}"


if __name__ == "__main__":
    server.run("stdio")
