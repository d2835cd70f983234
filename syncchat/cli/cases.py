"""The verb that turns marked decisions of an agent into cases of the manners set."""

from pathlib import Path

import click

from syncchat.cli.common import run_verb
from syncchat.cli.porting import local_data_option, local_log, progress_bar


@click.command()
@click.argument("room")
@click.option("--agent", default="agent", show_default=True, help="The user whose decisions were marked.")
@click.option("--name", default=None, help="What people call it. [default: the user]")
@click.option("--out", type=click.Path(path_type=Path), help="The file; `-` is stdout. [ROOM-cases.jsonl]")
@local_data_option
def cases(room: str, agent: str, name: str | None, out: Path | None, data: Path | None) -> None:
    """Write what people marked in ROOM ("should have", "should not have") as cases for `syncchat manners`.

    It reads this machine's copy of the room. A case has people's own words: look at it before you pass it on.
    """

    def work() -> None:
        from syncchat.agent.lines import Who
        from syncchat.core.ids import check_name
        from syncchat.porting.reading import local_room
        from syncchat.testing.manners.marked import marked_cases
        from syncchat.testing.manners.writing import case_line

        who = Who(check_name(agent, "user"), name or agent)
        with progress_bar("pages") as progress, local_room(local_log(data), room) as local:
            lines = [case_line(case) for case in marked_cases(room, local.pages(progress), who)]
        target = out or Path(f"{room}-cases.jsonl")
        text = "".join(f"{line}\n" for line in lines)
        if str(target) == "-":
            click.echo(text, nl=False)
        elif lines:
            with target.open("x", encoding="utf-8") as file:
                file.write(text)
        missing = f"; {local.missing} pages are not in this copy" if local.missing else ""
        click.echo(f"syncchat: {len(lines)} cases of {room}{missing}", err=True)

    run_verb(work)
