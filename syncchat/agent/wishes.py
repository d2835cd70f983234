"""What people wish of an agent: that it be quiet, or leave a question to people."""

import re
from collections.abc import Iterable

from syncchat.agent import tongues
from syncchat.agent.cues import folded

_QUIET = (
    r"(?:(?:be|stay|keep|go|remain) (?:quiet|silent)|quiet|silence|shut (?:up|it)|hush|shush|stfu|shh+|"
    r"mute yourself|"
    r"stop (?:talking|answering|replying|responding|posting|writing|interrupting|spamming|it|that|this|"
    r"please|now|commenting)|"
    r"(?:don't|do not|dont|stop) (?:answer|reply|interrupt|speak|talk|respond|butt|comment|chime)\w*|"
    r"no need to (?:answer|reply|respond)|(?:you )?(?:don't|do not|dont) (?:have|need) to (?:answer|"
    r"reply|respond)\w*|"
    r"not now|zip it|pipe down|can it|cut it out|knock it off|back off|give us a (?:break|minute|moment)|"
    r"give it a rest|stand down|lay off|say nothing|(?:you )?talk too much|be quite\W*\Z|mute|"
    r"take a break|go to sleep|no more (?:answers|replies|messages|comments)|that's enough|"
    r"(?:leave|let) us (?:alone|talk)|go away|no(?:body| one) asked you|stay out|keep out|butt out|enough|"
    + tongues.QUIET
    + r")(?!\w)"
)
_QUIET_AT = re.compile(
    r"(?:(?:please|pls|just|now|ok|okay|hey|can|could|would|will|should|you|to|for once|everyone|"
    rf"just|not now|seriously|ok that's|that's|will you|{tongues.PLEASE})[ ,!.]+){{0,5}}"
    + _QUIET
    + r"|stop\W*\Z"
)
_QUIET_AMID = re.compile(
    r"\b(?:(?:be|stay|keep|remain) (?:quiet|silent)|shut up|hush|shush|stfu|mute|"
    r"stop (?:talking|answering|replying|responding|posting|interrupting|spamming|commenting))\b"
)
_TO_ALL = re.compile(
    r"\b(?:minutes?|moment|bit|hour) of (?:silence|quiet)\b|"
    r"\A(?:please |can (?:we|everyone) |everyone )*(?:be |have |keep )?(?:some |it )?(?:quiet|"
    r"silence)(?:,? please| everyone)?\W*\Z"
)
_FOR_SO_LONG = re.compile(r"\bfor (?:the next )?(\d{1,4}|an?|half an) ?(s|sec|m|min|h|hour|d|day)")
_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400}

MAX_QUIET_WORDS = 14
"""A request for quiet is short; a longer message is a story with such words in it."""


class Wishes:
    """What people wish of an agent that bears one of `names`: quiet, or that people answer."""

    def __init__(self, names: Iterable[str]) -> None:
        mine = "".join("|" + re.escape(name.casefold()) for name in names if name)
        bot = rf"@?(?:bots?|ais?|a\.i\.|llms?|agents?|assistants?|robots?{mine})\b"
        people = r"(?:humans?|people|persons?|human beings?)"
        self._mine = re.compile(rf"(?<![\w@])@?(?:bot|ai|agent|assistant{mine})\b")
        self._only = re.compile(
            rf"(?:\A|[(\[,.:;!?–—-] ?|\bfor |\bto |\bfrom ){people},? only\b|"
            rf"\bonly (?:for )?{people}(?:,? please|\W*\Z)|"
            rf"\bno {bot}(?:,? please|\W*\Z|,? (?:just|only|allowed|answers?))|"
            rf"\bnot (?:you,?|for|for the|for you,?|asking|asking the|asking you,?) {bot}|"
            rf"(?<![\w@]){bot},? (?:please )?(?:stay|keep) out\b"
        )
        self._rather = re.compile(
            rf"\b(?:real|actual|living|fellow) {people}\b|\bnot (?:the )?{bot}|\bwithout (?:the )?{bot}\W*\Z|"
            rf"\b(?:any|a|another|some|from) (?:humans?|real person)"
            rf"(?: (?:here|know|around|please|who|answer|to|help)|\W*\Z)|"
            rf"\b(?:question|one|this is|asking|opinions?) (?:is )?(?:just |only )?(?:for|to|from|"
            rf"of) (?:the )?humans\b"
        )

    def people_only(self, text: str, *, called: bool) -> bool:
        """Whether the message is for people, and says so; it has to say it plainly where I am `called`."""
        said = folded(text)
        return self._only.search(said) is not None or (not called and self._rather.search(said) is not None)

    def quiet(self, text: str, *, to_me: bool) -> bool:
        """Whether it asks for quiet: `to_me`, the text without its address; else it has to name me."""
        said = folded(text)
        if len(said.split(None, MAX_QUIET_WORDS)) > MAX_QUIET_WORDS:
            return False
        if to_me:
            return _QUIET_AT.match(said.lstrip(" .,:;!-")) is not None
        if _TO_ALL.search(said) is not None:
            return True
        return (
            "?" not in said and self._mine.search(said) is not None and _QUIET_AMID.search(said) is not None
        )


def quiet_seconds(text: str) -> int | None:
    """For how long somebody wants quiet, if the text says so."""
    found = _FOR_SO_LONG.search(folded(text))
    if found is None:
        return None
    number = int(found[1]) if found[1].isdecimal() else 1
    seconds = number * _SECONDS[found[2]]
    return seconds // 2 if found[1].startswith("half") else seconds
