"""The verb that scores the agent's manners: our own set, anybody's cases, or annotated conversations."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from syncchat.cli.common import Setting, run_verb
from syncchat.cli.porting import progress_bar

if TYPE_CHECKING:
    from syncchat.testing.manners.scoring import ModelJudge


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--labelled",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Score the annotated conversations of this folder instead, beside plain baselines.",
)
@click.option("--base-url", cls=Setting, help="An OpenAI-compatible endpoint. [default: the built-in model]")
@click.option("--model", cls=Setting, help="The model that judges there.")
@click.option("--json", "as_json", is_flag=True, help="As JSON: counts and rates.")
@click.option("--verbose", is_flag=True, help="Show each case that came out wrong.")
def manners(
    files: tuple[Path, ...],
    labelled: Path | None,
    base_url: str | None,
    model: str | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """Score when the agent speaks and when it is quiet, with any model as the judge, in virtual time.

    FILE has cases as JSON Lines; without one it is our own set that is played. The form of a case, what is
    counted, and how annotated conversations are used: docs/agent.md.
    """

    def work() -> None:
        from syncchat.agent.builtin import BuiltinModel
        from syncchat.agent.factory import make_model
        from syncchat.testing.manners.scoring import ModelJudge

        if files and labelled is not None:
            raise ValueError("score either FILEs with cases or a folder with --labelled")
        plain = base_url is None and model is None
        judge = ModelJudge(BuiltinModel(pace=0) if plain else make_model(base_url, model))
        if labelled is not None:
            anyio.run(_score_talks, labelled, judge, as_json)
        else:
            anyio.run(_score_cases, files, judge, as_json, verbose)
        for problem, times in judge.problems.most_common(3):
            click.echo(
                f"syncchat: the judge failed {times} times, which counts as quiet: {problem}", err=True
            )

    run_verb(work)


async def _score_cases(files: Sequence[Path], judge: "ModelJudge", as_json: bool, verbose: bool) -> None:
    from syncchat.testing.manners import own_cases, read_cases
    from syncchat.testing.manners.report import mistakes, slice_table, to_json
    from syncchat.testing.manners.scoring import by_slice, play_all, total

    cases = [case for file in files for case in read_cases(file)] if files else own_cases()
    if not cases:
        raise ValueError("there is no case to play: a FILE has one in each line")
    with progress_bar("cases") as progress:
        outcomes = await play_all(cases, judge, progress=progress)
    scores = by_slice(outcomes)
    if as_json:
        whole = to_json(total(scores.values()))
        _print({"slices": {name: to_json(score) for name, score in scores.items()}, "total": whole})
        return
    _tell(mistakes(outcomes) if verbose else ())
    _tell(slice_table(scores))


async def _score_talks(folder: Path, judge: "ModelJudge", as_json: bool) -> None:
    from syncchat.testing.manners.conversing import score_sessions
    from syncchat.testing.manners.labelled import read_folder
    from syncchat.testing.manners.report import talk_table, to_json

    parts = dict(zip(("open", "held back"), read_folder(folder), strict=True))
    with progress_bar("conversations") as progress:
        scores = {name: await score_sessions(part, judge, progress) for name, part in parts.items() if part}
    if as_json:
        _print({part: {name: to_json(s) for name, s in each.items()} for part, each in scores.items()})
        return
    for part, each in scores.items():
        click.echo(f"{part}: {', '.join(session.name for session in parts[part])}")
        _tell(talk_table(each))


def _print(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
