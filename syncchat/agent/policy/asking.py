"""What people ask of the agent by a request, and not by a message: stop, again, now."""

from syncchat.agent.policy.decisions import Rule
from syncchat.agent.policy.desk import Desk
from syncchat.agent.policy.events import Asked
from syncchat.agent.policy.memory import Memory, Note
from syncchat.agent.policy.turns import Turn


def stop(desk: Desk, id: str, user: str) -> None:
    """Let what waits be; what is being written, the runtime stops."""
    turn = desk.holding(id)
    if turn is not None and turn is not desk.speaking:
        desk.withdraw(turn, Rule.STOPPED, by=user)


def again(desk: Desk, memory: Memory, asked: Asked, now: int) -> None:
    """A new version of an answer; one is enough, however many ask."""
    note = memory.notes.get(asked.id) or Note(memory.notes.author(asked.id) or "", now, asked.re)
    if note.user != memory.me.user or note.re is None or note.spoken or note.gone:
        return
    if desk.holding(note.re) is None:
        asker = memory.notes.author(note.re) or asked.user
        desk.add(Turn(note.re, asker, now, now, Rule.AGAIN, asked=True, of=asked.id, by=asked.user))


def answer_now(desk: Desk, id: str, user: str, now: int) -> None:
    """Answer what is waiting or judged at once, and ask no judge; whatever nobody waits for is left alone.

    Who skips the waiting is who asks; but what somebody has asked already stays that person's.
    """
    turn = desk.holding(id)
    if turn is None or turn is desk.speaking:
        return
    if turn is desk.judging:
        desk.judging = None
    if not turn.asked:
        turn.by = user
    turn.due, turn.rule, turn.asked = now, Rule.NOW, True
    desk.open.put(turn)
