"""Tools of MCP servers: programs that offer them on their standard input and output.

`mcp` is imported when the first server is started (the `mcp` extra brings it), not with this module.
"""

import logging
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskStatus

from syncchat.agent.persona import McpServer
from syncchat.agent.tools.tool import Arguments, Tool, ToolContext, ToolFailed, ToolResult, ToolSpec
from syncchat.errors import SyncchatError, describe

if TYPE_CHECKING:
    from mcp import Client

STARTING = 30.0
"""Seconds that servers have to start and tell their tools; then the agent goes on without them."""

PATIENCE = 20.0
"""Seconds that a server may take to tell its tools."""

AGAIN = 30.0
"""Seconds after which a server that has ended is started again."""

MAX_TOOLS = 64
"""Tools of one server; of more, the first ones are offered."""

MAX_DESCRIPTION = 1_000
MAX_PROBLEM = 200
MAX_NAME = 64
"""Characters of a tool's name, its server's included: chat completions take no more."""

_ODD = re.compile(r"[^A-Za-z0-9_-]")
"""What a tool's name may not hold either: a server refuses the whole call for one such name."""

logger = logging.getLogger("syncchat.agents")


class McpMissing(SyncchatError, ImportError):
    """The package that speaks MCP is not installed; the text has the remedy."""


class McpTool:
    """One tool of a server, called `SERVER-TOOL`; what it answers is text, whatever else it sends."""

    def __init__(self, server: "RunningServer", name: str, spec: ToolSpec, *, needs_approval: bool) -> None:
        self._server = server
        self._name = name
        self.spec = spec
        self.needs_approval = needs_approval

    async def call(self, arguments: Arguments, _context: ToolContext) -> ToolResult:
        """See `Tool.call`."""
        return ToolResult(await self._server.call(self._name, arguments))


class RunningServer:
    """A server that runs as long as `run` does, and is started again when it ends.

    `tools` are those that it had when it was first started; what is called while it does not run fails.
    """

    def __init__(self, name: str, settings: McpServer) -> None:
        self.name = name
        self.tools: Sequence[Tool] = ()
        self._settings = settings
        self._client: Client | None = None
        self._doubted = anyio.Event()

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Keep it running until cancelled; started when its tools are known, or when it has failed once."""
        is_first = True
        while True:
            try:
                await self._live(task_status.started if is_first else _nobody)
                logger.error("the MCP server %s has ended; in %d s it is started again", self.name, AGAIN)
            except Exception as error:  # noqa: BLE001 - another's program must not end the agent
                logger.error("the MCP server %s cannot be used: %s", self.name, describe(error))
                if is_first and not self.tools:
                    task_status.started()
            is_first = False
            await anyio.sleep(AGAIN)

    async def _live(self, started: Callable[[], None]) -> None:
        """One life of the server: returns when it does not answer any more."""
        from mcp import Client, StdioServerParameters
        from mcp.client.stdio import stdio_client

        program, *arguments = self._settings.command
        how = StdioServerParameters(command=program, args=arguments, env=dict(self._settings.env))
        # What it says of itself may quote what it was called with: that is for no log.
        with open(os.devnull, "w") as nowhere:  # noqa: ASYNC230 - that file never blocks
            async with Client(stdio_client(how, errlog=nowhere)) as client:
                if not self.tools:
                    self.tools = await self._list(client)
                    started()
                self._client = client
                try:
                    while await self._answers(client):
                        self._doubted = anyio.Event()
                        await self._doubted.wait()
                finally:
                    self._client = None

    async def _answers(self, client: "Client") -> bool:
        with anyio.move_on_after(PATIENCE):
            try:
                await client.list_tools(cache_mode="refresh")
            except Exception:  # noqa: BLE001 - then it does not
                return False
            return True
        return False

    async def _list(self, client: "Client") -> list[Tool]:
        with anyio.fail_after(PATIENCE):
            offered = (await client.list_tools()).tools
        wanted = [tool for tool in offered if not self._settings.only or tool.name in self._settings.only]
        if len(wanted) > MAX_TOOLS:
            logger.warning("of the tools of the MCP server %s the first %d are offered", self.name, MAX_TOOLS)
        return [
            McpTool(
                self,
                tool.name,
                ToolSpec(
                    _ODD.sub("_", f"{self.name}-{tool.name}")[:MAX_NAME],
                    (tool.description or "")[:MAX_DESCRIPTION],
                    tool.input_schema,
                ),
                needs_approval=tool.name not in self._settings.free,
            )
            for tool in wanted[:MAX_TOOLS]
        ]

    async def call(self, name: str, arguments: Arguments) -> str:
        """Call one of its tools. Raises ToolFailed."""
        if self._client is None:
            raise ToolFailed(f"the MCP server {self.name} does not run now")
        try:
            answer = await self._client.call_tool(name, dict(arguments))
        except Exception:  # noqa: BLE001 - whatever it raises, the call failed
            self._doubted.set()
            raise ToolFailed(f"the MCP server {self.name} did not answer as it should") from None
        text = "\n".join(block.text for block in answer.content if block.type == "text")
        if answer.is_error:
            raise ToolFailed(f"the tool says: {text[:MAX_PROBLEM]}")
        return text or "it answered nothing that is text"


def _nobody() -> None:
    """Nobody waits for it any more."""


@asynccontextmanager
async def mcp_tools(servers: Mapping[str, McpServer]) -> AsyncIterator[list[Tool]]:
    """Run these servers while the context is open; gives the tools of those that have started in time.

    Raises McpMissing if there are any, and the `mcp` package is not installed.
    """
    if servers:
        _check_installed()
    running = [RunningServer(name, settings) for name, settings in servers.items()]
    async with anyio.create_task_group() as tasks:
        with anyio.move_on_after(STARTING):
            async with anyio.create_task_group() as starting:
                for server in running:
                    starting.start_soon(tasks.start, server.run)
        yield [tool for server in running for tool in server.tools]
        tasks.cancel_scope.cancel()


def _check_installed() -> None:
    if find_spec("mcp") is None:
        raise McpMissing("tools of MCP servers need the mcp extra: pip install 'syncchat[mcp]'")
