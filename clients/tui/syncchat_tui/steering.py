"""Steering agents: which message a wish is about, and the requests that tell it to them."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from syncchat.core.answer import Call
from syncchat.core.grant import Role
from syncchat.core.ids import author_of, check_name
from syncchat.core.message import Message
from syncchat.core.room import Room
from syncchat.errors import SyncchatError
from syncchat_tui.agents import AgentHere, agents_of, tuned_in_words
from syncchat_tui.plain import plain

LOOK_BACK = 200
"""How many messages are looked at for the one that may be meant, the newest."""

HUSH_MINUTES = 10
MAX_MINUTES = 24 * 60

TUNABLE = {
    "grace": "a grace period in seconds",
    "share": "a share of the messages unasked",
    "on_newer": "what becomes of newer questions",
}

OFFERED = ("stop", "again", "now", "allow", "cited")
"""What may have a key in the footer; it is there while there is something that it would do."""


class CannotSteer(SyncchatError):
    """Nothing can be asked; the text says why."""


class Steering:
    """Asks the agents in `room` for things, each about the selected message or the newest that may be meant.

    `selected` tells the id of the message that is selected. Each method that asks returns a sentence about
    what was asked, and raises CannotSteer, or what `Room.ask` does, if nothing was.
    """

    def __init__(self, room: Room, selected: Callable[[], str | None]) -> None:
        self._room = room
        self._selected = selected
        self._tour: list[str] = []
        self._led = ""

    # What may be meant

    @property
    def agents(self) -> list[AgentHere]:
        """The agents that are here."""
        return agents_of(self._room.people)

    def offers(self, verb: str) -> bool:
        """Whether one of OFFERED would do anything now."""
        if verb == "cited":
            return self._next_cited() is not None
        if not self._room.may_write:
            return False
        match verb:
            case "stop":
                return self._to_stop() is not None
            case "again":
                return self._to_stop() is None and self._to_repeat() is not None
            case "now":
                return self._awaited() is not None
        return self.proposing() is not None

    def proposing(self) -> Message | None:
        """The answer whose proposed calls we may allow, if there is one: as asker, or as a moderator."""
        return self._newest(lambda message: bool(proposed(message)) and self._may_decide(message))

    def _to_stop(self) -> str | None:
        """The answer to stop, or, before its first word, the message that is being answered."""
        chosen = self._chosen
        if chosen is not None and _is_answer(chosen):
            return None
        if chosen is not None and _is_written(chosen):
            return chosen.id
        written = next(filter(_is_written, self._recent()), None)
        busy = (agent.re for agent in self.agents if agent.state in ("writing", "judging") and agent.re)
        return next(busy, None) if written is None else written.id

    def _to_repeat(self) -> str | None:
        """The newest version of the answer that is meant."""
        answer = self._newest(_is_answer)
        if answer is None:
            return None
        later = {message.of: message.id for message in self._recent() if _is_answer(message) and message.of}
        id = answer.id
        while id in later:  # which is later each time: this comes to an end
            id = later[id]
        return id

    def _awaited(self) -> str | None:
        """The message that an agent leaves to people; of several, the one that is selected."""
        waiting = [agent.re for agent in self.agents if agent.state == "waiting" and agent.re]
        chosen = self._chosen
        if chosen is not None and not chosen.agent and waiting:
            return chosen.id
        return waiting[0] if waiting else None

    @property
    def _chosen(self) -> Message | None:
        id = self._selected()
        return None if id is None else self._room.message(id)

    def _newest(self, fits: Callable[[Message], bool]) -> Message | None:
        """The selected message, or an answer to it, if it fits; with none selected the newest that does."""
        chosen = self._chosen
        if chosen is None:
            return next(filter(fits, self._recent()), None)
        if fits(chosen):
            return chosen
        return next(
            (message for message in self._recent() if message.re == chosen.id and fits(message)), None
        )

    def _recent(self) -> Iterator[Message]:
        timeline = self._room.timeline
        return (timeline[at] for at in islice(range(len(timeline) - 1, -1, -1), LOOK_BACK))

    def _may_decide(self, message: Message) -> bool:
        if self._room.role is Role.MODERATOR:
            return True
        again = () if message.of is None else self._room.asked("again")
        askers = {asked.user for asked in again if asked.what == message.of}
        return self._room.user in (askers or ({author_of(message.re)} if message.re else set()))

    # What an answer cites

    def go_cited(self) -> str:
        """The message to go to: those that an answer leads to, in turn, and then the answer again."""
        id = self._next_cited()
        if id is None:
            raise CannotSteer("No answer here cites a message, or has an earlier version.")
        if id not in self._tour:
            answer = self._leading()
            self._tour = [] if answer is None else [answer.id, *_leads(answer)]
        self._led = id
        return id

    def _next_cited(self) -> str | None:
        if self._tour and self._is_on_tour(self._selected()):
            return self._tour[(self._tour.index(self._led) + 1) % len(self._tour)]
        answer = self._leading()
        return None if answer is None else _leads(answer)[0]

    def _is_on_tour(self, selected: str | None) -> bool:
        """Whether the user is where we led; also where what is cited was looked for in vain, far from all."""
        return selected in self._tour or (selected is None and self._room.message(self._tour[0]) is None)

    def _leading(self) -> Message | None:
        return self._newest(lambda message: bool(_leads(message)))

    # What is asked for

    def stop(self) -> str:
        """Stop an answer that is being written."""
        id = self._to_stop()
        if id is None:
            raise CannotSteer("No agent writes an answer that could be stopped.")
        self._room.ask("stop", id)
        return f"Asked to stop {self.named(id)}."

    def again(self) -> str:
        """Ask for another version of an answer."""
        id = self._to_repeat()
        if id is None:
            raise CannotSteer("There is no answer of an agent to ask for again.")
        self._room.ask("again", id)
        return f"Asked for another version of {self.named(id)}."

    def now(self) -> str:
        """Do not leave a question to people any longer."""
        id = self._awaited()
        if id is None:
            raise CannotSteer("No agent waits with an answer.")
        self._room.ask("now", id)
        return f"Asked for an answer to {self.named(id)} now."

    def ambient(self, words: str) -> str:
        """Let agents speak unasked, or not."""
        if words not in ("on", "off"):
            raise CannotSteer("Write /ambient on, or /ambient off.")
        self._room.ask("ambient", value=words)
        return "Agents may speak unasked here." if words == "on" else "Agents speak here when addressed only."

    def agent(self, words: str) -> str:
        """Tune how agents behave here, or, without words, tell how they do."""
        if not words:
            return "\n".join(map(tuned_in_words, self.agents)) or "No agent is here."
        wish = read_wish(words)
        self._room.ask("tune", value=wish)
        [(name, value)] = wish.items()
        usual = "as it is usual for each agent" if value is None else f"{value}"
        return f"Agents are asked here for {TUNABLE[name]}: {usual}."

    def hush(self, words: str) -> str:
        """Ask for quiet, for so many minutes."""
        minutes = int(words) if words.isascii() and words.isdigit() and len(words) < 6 else None
        if words and (minutes is None or minutes > MAX_MINUTES):
            raise CannotSteer(f"Write /hush, or /hush and a number of minutes up to {MAX_MINUTES}.")
        minutes = HUSH_MINUTES if minutes is None else minutes
        self._room.ask("hush", value=minutes * 60)
        if minutes == 0:
            return "Agents need not be quiet any longer."
        return f"Agents are asked to be quiet for {minutes} min, but for what is addressed to them."

    def decide(self, id: str, verb: str, numbers: Iterable[int]) -> str:
        """Approve or deny the calls with these numbers in the answer `id`; `verb` is `approve` or `deny`."""
        self._room.ask(verb, id, {"call": list(numbers)})
        return f"{'Allowed' if verb == 'approve' else 'Denied'}: the tools of {self.named(id)}."

    def deny(self) -> str:
        """Deny all calls that an answer proposes."""
        message = self.proposing()
        if message is None:
            raise CannotSteer(self.no_proposal)
        return self.decide(message.id, "deny", (number for number, _ in proposed(message)))

    @property
    def no_proposal(self) -> str:
        """Why nothing can be allowed."""
        waiting = self._newest(lambda message: bool(proposed(message)))
        if waiting is None:
            return "No agent wants to use a tool."
        return "Only who asked for the answer, or a moderator, decides about its tools."

    def summon(self, words: str) -> str:
        """Bring an agent in."""
        if not words:
            raise CannotSteer("Write /summon and the agent's user name.")
        self._room.ask("summon", value={"agent": check_name(words, "user")})
        return f"Summoned {words}; it comes if the server has it and you may."

    def dismiss(self, words: str) -> str:
        """Send an agent away; the only one that is here needs no name."""
        users = [agent.user for agent in self.agents]
        if not words and len(users) != 1:
            here = f"here are {', '.join(users[:5])}" if users else "none is here"
            raise CannotSteer(f"Write /dismiss and the agent's user name: {here}.")
        user = check_name(words or users[0], "user")
        self._room.ask("dismiss", value={"agent": user})
        return f"Asked {user} to leave; it goes if you may send it away."

    def should(self, words: str) -> str:
        """Mark what an agent decided about a message as wrong."""
        if words not in ("speak", "quiet"):
            raise CannotSteer("Write /should speak, or /should quiet.")
        id = self.questioned()
        self._room.ask("should", id, words)
        told = "there should have been an answer to" if words == "speak" else "there should be no answer to"
        return f"Marked: {told} {self.named(id)}."

    def questioned(self) -> str:
        """The message of which it is asked why: the selected one, or else the newest that is finished."""
        message = self._newest(lambda message: not message.streaming)
        if message is None:
            raise CannotSteer("There is no message yet that an agent could have decided about.")
        return message.id

    def ask_why(self, id: str) -> None:
        """Ask why, also if it was asked before: there may be another answer by now."""
        before = [asked.value for asked in self._room.asked("why") if asked[1:3] == (id, self._room.user)]
        self._room.ask("why", id, 2 if before == [1] else 1)

    def ask_usage(self) -> str:
        """Ask what was spent; returns what the answers will name."""
        return self._room.ask("usage")

    def named(self, id: str) -> str:
        """A message as a notice names it."""
        message = self._room.message(id)
        user = author_of(id)
        text = " ".join((message.text if message is not None else "")[:200].split())
        start = f"{text[:30]}…" if len(text) > 30 else text
        return f"{user}'s “{plain(start)}”" if start else f"{user}'s message"


def read_wish(words: str) -> dict[str, Any]:
    """What `grace 30`, `share 0.1` or `newer queue` asks of agents. Raises CannotSteer, and BadManners."""
    # Only who tunes needs the agents' own bounds, and what comes with them.
    from syncchat.agent.policy import Manners
    from syncchat.agent.tuning import check_wish

    name, _, said = words.partition(" ")
    name = "on_newer" if name == "newer" else name
    if name not in TUNABLE or not said.strip():
        raise CannotSteer("Write /agent grace SECONDS, share 0.1, newer queue, merge or replace; or usual.")
    wish = {name: None if said.strip() == "usual" else _value(said.strip())}
    check_wish(Manners(), wish)
    return wish


def _value(said: str) -> object:
    try:
        number = float(said)
    except ValueError:
        return said
    return int(number) if number.is_integer() and abs(number) < 1e9 else number


def proposed(message: Message) -> list[tuple[int, Call]]:
    """The calls of a message that wait for an approval, with their numbers."""
    if not message.streaming:
        return []
    return [(number, call) for number, call in enumerate(message.calls) if call["state"] == "proposed"]


def _is_written(message: Message) -> bool:
    return message.agent and message.streaming


def _is_answer(message: Message) -> bool:
    return message.agent and not message.streaming and not message.deleted


def _leads(message: Message) -> list[str]:
    """The messages that an answer leads to: those that it cites, and the version before it."""
    if message.deleted:
        return []
    earlier = [] if message.of is None else [message.of]
    return list(dict.fromkeys([*(id for _, id in message.cites), *earlier]))
