"""A talk with a turn policy in virtual time: what somebody does, and what is decided then."""

from collections.abc import Iterable

from syncchat.agent.lines import Who
from syncchat.agent.policy import (
    Asked,
    Decision,
    Edited,
    Ended,
    Event,
    Gone,
    Heard,
    Here,
    Judged,
    Manners,
    Said,
    Speak,
    Tick,
    TurnPolicy,
    Typing,
    Withdraw,
)
from syncchat.agent.policy.events import End, Verb
from syncchat.core.ids import format_id

START = 1_700_000_000_000
"""When a talk begins, in ms since 1970."""


class Talk:
    """One policy, of an agent with the user id `bot`, that is told what happens at `now` (ms)."""

    def __init__(self, manners: Manners | None = None, *, name: str = "The Bot", user: str = "bot") -> None:
        self.me = Who(user, name)
        self.policy = TurnPolicy(self.me, manners or Manners())
        self.now = START
        self.decisions: list[Decision] = []
        self.heard: dict[str, Heard] = {}
        self.hear(Tick())

    def hear(self, event: Event) -> list[Decision]:
        """Tell an event; returns, and keeps, what is decided."""
        decided = self.policy.hear(event, self.now)
        self.decisions += decided
        return decided

    def heard_by(self, user: str, text: str, *, re: str | None = None, ago: float = 0) -> Heard:
        """A message of a person or, if the user id ends with "bot", of an agent; said `ago` seconds ago."""
        at = self.now - round(ago * 1000)
        id = format_id(at, user, len(self.heard))
        heard = Heard(id, at, user, text, re, agent=user.endswith("bot"))
        self.heard[id] = heard
        return heard

    def say(self, user: str, text: str, *, re: str | None = None, ago: float = 0) -> str:
        """Somebody says something; returns the message's id. A second passes before the next."""
        heard = self.heard_by(user, text, re=re, ago=ago)
        self.hear(Said(heard))
        self.now += 1_000
        return heard.id

    def edit(self, id: str, text: str) -> list[Decision]:
        """Somebody gives a message another text."""
        old = self.heard[id]
        return self.hear(Edited(Heard(id, old.at, old.user, text, old.re, old.agent)))

    def delete(self, id: str) -> list[Decision]:
        """Somebody deletes a message."""
        return self.hear(Gone(id))

    def ask(self, verb: Verb, id: str = "", user: str = "ann", seconds: int = 0) -> list[Decision]:
        """Somebody makes a request."""
        return self.hear(Asked(verb, id, user, seconds))

    def type(self, user: str, seconds: float = 5) -> list[Decision]:
        """Somebody types."""
        return self.hear(Typing(user, self.now + round(seconds * 1000)))

    def here(self, people: Iterable[str]) -> list[Decision]:
        """These people are present."""
        return self.hear(Here(tuple(Who(user, user) for user in people)))

    def verdict(self, id: str, *, speak: bool, problem: str | None = None) -> list[Decision]:
        """The judge says whether to speak."""
        return self.hear(Judged(id, speak, problem))

    def end(self, id: str, state: End = "done") -> list[Decision]:
        """An answer has ended, without being told as a message."""
        return self.hear(Ended(id, state))

    def answer(self, id: str, text: str = "So it is.") -> str:
        """An answer is finished; returns its id."""
        self.end(id)
        return self.say(self.me.user, text, re=id)

    def wait(self, seconds: float) -> list[Decision]:
        """Time passes, and each deadline on the way is kept."""
        until, decided = self.now + round(seconds * 1000), []
        while (deadline := self.policy.deadline) is not None and deadline <= until:
            self.now = deadline
            decided += self.hear(Tick())
        self.now = until
        return decided + self.hear(Tick())

    def about(self, id: str) -> list[tuple[str, str]]:
        """What was decided about a message, in order: kinds of decision and rules."""
        return [(type(one).__name__, one.rule.value) for one in self.decisions if one.id == id]

    def last(self, id: str) -> tuple[str, str]:
        """The last decision about a message; of none, ("", "")."""
        return self.about(id)[-1] if self.about(id) else ("", "")

    @property
    def spoken(self) -> list[str]:
        """The ids of what was answered, withdrawn answers included."""
        return [one.id for one in self.decisions if isinstance(one, Speak)]

    @property
    def withdrawn(self) -> list[str]:
        """The ids of what was withdrawn."""
        return [one.id for one in self.decisions if isinstance(one, Withdraw)]
