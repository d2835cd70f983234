"""The command `python -m benchmarks`: measure, compare, report, count."""

import os
import sys
from pathlib import Path

import click

from benchmarks.cases import CASES, Case
from benchmarks.peers import OURS, PEERS, Peer
from benchmarks.peers import peers as peers_named
from benchmarks.results import read
from benchmarks.runner import Step, plan
from benchmarks.runner import run as run_steps

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent / "PEERS.md"
PEERS_DO = "syncchat,y-websocket-level,hocuspocus-sqlite"


def _peers(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[Peer, ...]:
    try:
        return {"ours": OURS, "all": PEERS}.get(value) or peers_named(value)
    except KeyError as error:
        raise click.BadParameter(
            f"there is no {error}; there are {', '.join(p.name for p in PEERS)}"
        ) from error


def _cases(only: str | None, short: bool) -> list[Case]:
    chosen = [case for case in CASES if case.short or not short]
    if only is None:
        return chosen
    words = only.split(",")
    return [
        case for case in CASES if any(case.name == word or case.name.startswith(f"{word}-") for word in words)
    ]


@click.group()
def main() -> None:
    """What sync costs here and elsewhere."""


@main.command()
@click.option("--short", is_flag=True, help="Only the cases that matter most.")
@click.option("--only", help="Cases, or the first words of their names, with commas: fanout,rooms-200.")
@click.option(
    "--peers", default="ours", callback=_peers, show_default=True, help="ours, all, or names with commas."
)
@click.option("--rounds", default=5, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS / "latest.jsonl", show_default=True)
def run(short: bool, only: str | None, peers: tuple[Peer, ...], rounds: int, out: Path) -> None:
    """Measure; each result is a line of JSON in the file OUT the moment it is there."""
    steps = list(plan(_cases(only, short), peers, rounds))
    with click.progressbar(length=len(steps), file=sys.stderr, item_show_func=str) as bar:

        def before_each(step: Step) -> None:
            bar.update(
                0 if step is steps[0] else 1, f"{step.case.name}, {step.peer.name}, round {step.round + 1}"
            )

        run_steps(steps, out, before_each)
        bar.update(1, "done")
    click.echo(out)


@main.command()
@click.argument("old", type=click.Path(exists=True, path_type=Path))
@click.argument("new", type=click.Path(exists=True, path_type=Path))
def compare(old: Path, new: Path) -> None:
    """What has changed from the results OLD to NEW; a star marks what is beyond noise."""
    from benchmarks.compare import lines

    for line in lines(read(old), read(new)):
        click.echo(line)


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--folder", type=click.Path(path_type=Path), default=RESULTS, show_default=True)
@click.option("--readme", type=click.Path(exists=True, path_type=Path), help="A README to put the best into.")
def report(files: tuple[Path, ...], folder: Path, readme: Path | None) -> None:
    """Results as a Markdown table and SVG plots."""
    from benchmarks.excerpt import put_into
    from benchmarks.plots import draw
    from benchmarks.report import markdown

    results = read(*files)
    table = folder / "table.md"
    table.write_text(markdown(results), encoding="utf-8")
    for path in (table, *draw(results, folder)):
        click.echo(path)
    if readme is not None:
        put_into(readme, results)
        click.echo(readme)


@main.command()
@click.option("--write", is_flag=True, help="Take what is counted now as what is expected.")
def counts(write: bool) -> None:
    """Count what is the same on every machine; ends with 1 if it is not what is expected."""
    import json

    from benchmarks.counts import EXPECTED, count, differences, expected

    found = count()
    click.echo(json.dumps(found, indent=2))
    if write:
        EXPECTED.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    elif wrong := differences(found, expected()):
        for line in wrong:
            click.echo(line, err=True)
        sys.exit(1)


@main.command("peers-do")
@click.option("--only", help="Rows, with commas: forge,slow.")
@click.option("--peers", default=PEERS_DO, callback=_peers, show_default=True, help="Names with commas.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS / "peers-do.jsonl", show_default=True)
@click.option("--page", type=click.Path(path_type=Path), default=PAGE, show_default=True)
def peers_do(only: str | None, peers: tuple[Peer, ...], out: Path, page: Path) -> None:
    """Probe what servers do when somebody misbehaves; write the table."""
    from benchmarks.peers_do.rows import ROWS
    from benchmarks.peers_do.table import markdown

    cases = [row.case for row in ROWS if only is None or row.case.name in only.split(",")]
    run_steps(
        list(plan(cases, peers, 1)),
        out,
        lambda step: click.echo(f"{step.case.name}, {step.peer.name}", err=True),
    )
    table = markdown(out, os.path.relpath(out, page.parent))
    page.write_text(table, encoding="utf-8")
    click.echo(table)


@main.command()
def peers() -> None:
    """Bring the peers into the cache; name those that cannot be had, with the reason."""
    from benchmarks.peers.prepare import prepare

    for reason in prepare():
        click.echo(reason, err=True)
    for peer in PEERS:
        click.echo(f"{peer.label}: {peer.missing() or 'ready'}")


main(prog_name="python -m benchmarks")
