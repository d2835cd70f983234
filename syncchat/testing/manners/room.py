"""The room of a case as it is being played: what was written so far, with ids as real rooms have them."""

from dataclasses import replace

from syncchat.agent.lines import Who
from syncchat.agent.policy import Heard
from syncchat.agent.prompt import Prompt, judge_prompt
from syncchat.core.ids import format_id
from syncchat.core.message import Message
from syncchat.core.people import Person
from syncchat.testing.manners.case import Event


class PlayedRoom:
    """Messages in their order, under the ids of the case's events ("told") and under real ones ("real")."""

    def __init__(self, me: Who, people: tuple[Who, ...]) -> None:
        self.me = me
        self.people = people
        self._messages: dict[str, Message] = {}
        self._real: dict[str, str] = {}
        self._told: dict[str, str] = {}

    def real(self, told: str) -> str:
        """The id in the room. Raises KeyError if nobody has written it yet."""
        return self._real[told]

    def told(self, real: str) -> str:
        """The id in the case. Raises KeyError."""
        return self._told[real]

    def has(self, told: str) -> bool:
        """Whether it was written and not deleted."""
        return told in self._real and not self._messages[self._real[told]].deleted

    def heard(self, told: str) -> Heard:
        """The message as a policy hears it. Raises KeyError."""
        message = self._messages[self._real[told]]
        return Heard(message.id, message.hlc, message.user, message.text, message.re, message.agent)

    def apply(self, event: Event, now: int) -> None:
        """What an event changes of the messages."""
        if event.kind == "message":
            re = None if event.reply_to is None else self._real[event.reply_to]
            self._add(event.id, now, event.author, event.text, re, event.agent)
        elif event.kind == "edit":
            self._change(event.id, text=event.text)
        elif event.kind == "delete":
            self._change(event.id, text="", deleted=True)

    def answer(self, trigger: str, now: int) -> Heard:
        """The agent's reply to a message (by its real id) is there."""
        told = f"reply to {trigger}, {now}"
        self._add(told, now, self.me.user, "That is what I know about it.", trigger, agent=True)
        return self.heard(told)

    def prompt(self, trigger: str) -> Prompt:
        """What a judge is asked about a message, by its real id."""
        stop = list(self._messages).index(trigger) + 1
        present = [Person(who.user, who.name, {}) for who in self.people]
        return judge_prompt(list(self._messages.values()), stop, me=self.me, people=present)

    def _add(self, told: str, now: int, user: str, text: str, re: str | None, agent: bool) -> None:
        real = format_id(now, user, len(self._real))
        self._real[told], self._told[real] = real, told
        self._messages[real] = Message(
            id=real,
            hlc=now,
            user=user,
            text=text,
            streaming=False,
            re=re,
            edited=None,
            deleted=False,
            agent=agent,
            state=None,
            reactions={},
            durable=True,
        )

    def _change(self, told: str, *, text: str, deleted: bool = False) -> None:
        real = self._real[told]
        self._messages[real] = replace(self._messages[real], text=text, deleted=deleted)
