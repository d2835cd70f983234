"""Tools of an MCP server, a real one in a process of its own."""

import sys
from pathlib import Path

import anyio
import pytest

from syncchat.agent.persona import McpServer
from syncchat.agent.tools import mcp_source
from syncchat.agent.tools.mcp_source import mcp_tools
from syncchat.agent.tools.tool import Tool, ToolContext, ToolFailed
from syncchat.testing.agent_world import World

PROGRAM = (sys.executable, str(Path(__file__).parent / "mcp_program.py"))


@pytest.fixture
def context() -> ToolContext:
    return ToolContext(World().ann, "ann", "")


def named(tools: list[Tool], name: str) -> Tool:
    return next(tool for tool in tools if tool.spec.name == name)


@pytest.mark.anyio
async def test_A25_its_tools_are_offered_and_called_each_with_approval_unless_it_is_free(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    settings = McpServer(
        PROGRAM, {"MODE": "test"}, free=("mode",), only=("add", "mode", "fail", "odd.name/of it")
    )
    async with mcp_tools({"sums": settings}) as tools:
        assert {tool.spec.name: tool.needs_approval for tool in tools} == {
            "sums-add": True,
            "sums-fail": True,
            "sums-odd_name_of_it": True,
            "sums-mode": False,
        }
        add = named(tools, "sums-add")
        assert add.spec.description == "Add two numbers."
        assert set(add.spec.parameters["properties"]) == {"a", "b"}
        assert (await add.call({"a": 40, "b": 2}, context)).text == "42"
        assert (await named(tools, "sums-mode").call({}, context)).text == "test False"
        assert (await named(tools, "sums-odd_name_of_it").call({}, context)).text == "odd"
        with pytest.raises(ToolFailed, match="the tool says"):
            await named(tools, "sums-fail").call({}, context)


@pytest.mark.anyio
async def test_A25_a_server_that_ends_fails_its_call_and_is_started_again(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp_source, "AGAIN", 0.01)
    async with mcp_tools({"sums": McpServer(PROGRAM)}) as tools:
        with pytest.raises(ToolFailed, match="did not answer as it should"):
            await named(tools, "sums-end").call({}, context)
        add, answer = named(tools, "sums-add"), ""
        while not answer:
            try:
                answer = (await add.call({"a": 40, "b": 2}, context)).text
            except ToolFailed:
                await anyio.sleep(0.05)
        assert answer == "42"


@pytest.mark.anyio
@pytest.mark.parametrize("command", [("no-such-program-at-all",), (sys.executable, "-c", "print('hello')")])
async def test_A25_a_server_that_cannot_be_used_is_left_out_and_told(
    command: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    good = McpServer(PROGRAM, only=("add",))
    async with mcp_tools({"bad": McpServer(command), "sums": good}) as tools:
        assert [tool.spec.name for tool in tools] == ["sums-add"]
    assert "the MCP server bad cannot be used" in caplog.text


@pytest.mark.anyio
async def test_A25_without_servers_the_package_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_source, "find_spec", lambda _: None)
    async with mcp_tools({}) as tools:
        assert tools == []
    with pytest.raises(ImportError, match=r"pip install 'syncchat\[mcp\]'"):
        async with mcp_tools({"sums": McpServer(PROGRAM)}):
            pass
