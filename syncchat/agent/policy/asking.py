"""What people ask of the agent by a request, and not by a message: stop, again, now."""

from syncchat.agent.policy.decisions import Rule
from syncchat.agent.policy.desk import Desk
from syncchat.agent.policy.memory import Memory
from syncchat.agent.policy.turns import Turn


def stop(desk: Desk, id: str, user: str) -> None:
    """Let what waits be; what is being written, the runtime stops."""
    turn = desk.holding(id)
    if turn is not None and turn is not desk.speaking:
        desk.withdraw(turn, Rule.STOPPED, by=user)


def again(desk: Desk, memory: Memory, id: str, user: str, now: int) -> None:
    """A new version of an answer, asked for by the answer's id or its trigger's."""
    note = memory.notes.get(id)
    mine = memory.notes.author(id) == memory.me.user
    trigger = note.re if note is not None and mine and note.re is not None else id
    if desk.holding(trigger) is None:
        asker = memory.notes.author(trigger) or user
        of = id if mine else None
        desk.add(Turn(trigger, asker, now, now, Rule.AGAIN, asked=True, of=of))


def answer_now(desk: Desk, memory: Memory, id: str, now: int) -> None:
    """Do not wait, and ask no judge; what was answered, deleted or is being written is left alone."""
    note = memory.notes.get(id)
    turn = desk.holding(id)
    if turn is None:
        author = memory.notes.author(id)
        if author in (None, memory.me.user) or (note is not None and (note.spoken or note.gone)):
            return
        desk.add(Turn(id, author or "", now, now, Rule.NOW, asked=True))
    elif turn is not desk.speaking:
        if turn is desk.judging:
            desk.judging = None
        turn.due, turn.rule, turn.asked = now, Rule.NOW, True
        desk.open.put(turn)
