"""What tools have brought, put into a prompt: as data, each line of it, and never as the system's (A25)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from syncchat.agent.prompt import Prompt
from syncchat.agent.quoting import quoted
from syncchat.agent.tools.proposal import Proposal
from syncchat.agent.tools.tool import MAX_RESULT
from syncchat.agent.transcript import Turn, row
from syncchat.core.message import printable

MAX_FOUND = 4_000
"""Characters of one message that a tool has found."""


def with_results(prompt: Prompt, proposals: Sequence[Proposal]) -> Prompt:
    """The prompt with what the calls have brought at its end; messages in it get labels to cite them by."""
    found = [line for proposal in proposals if proposal.result for line in proposal.result.messages]
    labels = dict(prompt.labels)
    known = set(labels.values())
    for line in found:
        if line.id not in known:
            known.add(line.id)
            labels[f"m{len(labels) + 1}"] = line.id
    label = {id: name for name, id in labels.items()}
    rows = [row for proposal in proposals for row in _rows(proposal, label)]
    turns = _appended(prompt.turns, "\n".join(rows))
    return replace(prompt, turns=turns, labels=labels)


def _appended(turns: Sequence[Turn], data: str) -> tuple[Turn, ...]:
    # Many chat templates demand that the roles alternate.
    if turns and turns[-1].role == "user":
        return (*turns[:-1], Turn("user", f"{turns[-1].text}\n{data}"))
    return (*turns, Turn("user", data))


def _rows(proposal: Proposal, label: dict[str, str]) -> Iterator[str]:
    outcome = printable(proposal.outcome())
    cut = {"cut": True} if len(outcome) > MAX_RESULT else {}
    yield quoted(
        {"tool": proposal.name, "args": dict(proposal.arguments), "result": outcome[:MAX_RESULT]} | cut
    )
    for line in proposal.result.messages if proposal.result else ():
        yield row(replace(line, text=line.text[:MAX_FOUND]), label, found=True)
