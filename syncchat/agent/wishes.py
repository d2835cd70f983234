"""What people wish of an agent: that it be quiet, or leave a question to people."""

import re
from collections.abc import Iterable

from syncchat.agent import tongues
from syncchat.agent.cues import folded

_SPEAK = (
    r"(?:answer|reply|respond|speak|talk|interrupt|comment|butt|chime|jump|interfere|intervene|engage|"
    r"react)"
    r"\w*"
)
_NOT = r"(?:don't|do not|dont|never|no longer|stop|quit|no more|without)"
_QUIET = (
    r"(?:(?:be|stay|keep|go|remain) (?:quiet|silent)|be quite\W*\Z|quiet|silence|shut (?:up|it)|hush|"
    r"shush|stfu|shh+|"
    r"keep it down|that(?:'s|'ll be| will be| is) all(?: for (?:now|today))?\W*\Z|mute(?: yourself)?|"
    r"zip it|pipe down|can it|cut it out|knock it off|back off|give it a rest|"
    r"stand down|lay off|"
    r"stop(?: it| that| this)?(?: please| now)?(?=\W*\Z|[,.!;])|stop (?:posting|writing|spamming|helping)|"
    rf"{_NOT} (?:\w+ )?{_SPEAK}(?! (?:in|with|like|as|so)\b)|"
    rf"{_NOT} (?:participate|take part|join in|get involved)\b|say nothing|"
    rf"(?:don't|do not|dont) (?:have|need) to {_SPEAK}|no need (?:to {_SPEAK}|for you)|"
    r"(?:we|i|nobody|no one) (?:don't |do not |dont |doesn't )?need(?:s)? you(?:r (?:help|input|"
    r"opinion))?(?:$|\b(?! to)| to stop)|"
    r"not needed|not now|not you|mind your own|(?:doesn't|does not|doesnt) concern you|"
    r"none of your (?:business|concern)|wait (?:with (?:your |the )?(?:answer|repl)\w*|until (?:we|i|they|"
    r"you))|no(?:body| one) asked|(?:you(?:'re| are) )?too (?:loud|"
    r"noisy|chatty)|"
    r"(?:you )?talk too much|(?:take|have) a (?:break|rest|nap)|go (?:away|to sleep|offline)|"
    r"that's enough|enough|"
    r"(?:turn|switch) (?:yourself )?off|off\W*(?:please|now)?\W*\Z|pause|hold (?:off|your (?:tongue|"
    r"horses))|"
    r"give us (?:a (?:break|minute|moment)|(?:some )?(?:space|room|quiet|peace))|"
    r"(?:leave|let) (?:us|me|them|people|humans) (?:alone|be|talk|discuss|handle|finish|work)|"
    r"only (?:speak|answer|reply|respond|talk) (?:when|if)|(?:stay|keep|butt) out|"
    + tongues.QUIET
    + r")(?!\w)"
)
_QUIET_TO_ME = re.compile(rf"(?<!\w){_QUIET}")
_ABOUT = re.compile(
    r"\b(?:how|what|why|where|when|who|which|whether|if|translate|write|explain|define|mean)\b"
)
"""What comes before words that are talked about, and not meant."""
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
            rf"\b(?:real|actual|living|fellow) {people}\b|\bnot (?:the )?{bot}|"
            rf"\bwithout (?:the )?{bot}\W*\Z|"
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
            start = said.lstrip(" .,:;!-")
            found = _QUIET_TO_ME.search(start)
            return found is not None and _ABOUT.search(start, 0, found.start()) is None
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
