"""The verb that runs a model server to try an agent with: no key, no network, no weights."""

import anyio
import click

from syncchat.cli.common import extra, run_verb

DEFAULT_PORT = 8041

NAMES = (
    "slow", "silent", "stall", "cut", "busy", "broken", "malformed", "no-usage", "refusal", "filtered",
    "endless", "empty", "echo",
)  # fmt: skip
"""What it may be told to do; a test holds this against what the server knows, which is slow to import."""


@click.command("model-server")
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="0: any free one.",
)
@click.option(
    "--behave",
    type=click.Choice(NAMES),
    help="Misbehave in every answer, or repeat what is said. [default: the built-in model's answers]",
)
@click.option(
    "--pace", default=30.0, show_default=True, type=click.FloatRange(1, 10_000), help="Tokens a second."
)
def model_server(port: int, behave: str | None, pace: float) -> None:
    """Serve a model for trying: OpenAI's API on this machine only, answered by the built-in model.

    It can be told to fail as real ones do.
    """

    def work() -> None:
        with extra("server"):
            import starlette  # noqa: F401
            import uvicorn  # noqa: F401
        anyio.run(_serve, port, behave, pace)

    run_verb(work)


async def _serve(port: int, behave: str | None, pace: float) -> None:
    from syncchat.testing.model_behaviour import Behaviour, behaving
    from syncchat.testing.model_server import model_server
    from syncchat.testing.prompt_reader import answers, echoes

    if behave is None or behave == "echo":
        behaviour = Behaviour(says=echoes if behave else answers, pace=1 / pace)
    else:
        behaviour = behaving(behave, answers, pace=1 / pace)
    async with model_server(lambda _: behaviour, port=port) as server:
        click.echo(f"syncchat: a model for trying at {server.base_url}")
        click.echo(f"syncchat agent --room ROOM --model any --base-url {server.base_url}")
        await anyio.sleep_forever()
