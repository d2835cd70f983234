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
_FIRM = (
    r"(?:be|stay|go|remain) (?:quiet|silent)|shut up|stfu|"
    rf"(?:stop|quit) {_SPEAK}(?! (?:in|with|like|as|so|about)\b)|" + tongues.QUIET
)
"""What asks for quiet whatever else is said."""

_PLAIN = (
    rf"keep (?:quiet|silent)|{_NOT} (?:\w+ )?{_SPEAK}(?<!ed)(?! (?:in|with|like|as|so|lines?)\b)|"
    rf"{_NOT} (?:participate|take part|join in|get involved)\b|stop (?:posting|spamming|helping)|"
    rf"(?:don't|do not|dont) (?:have|need) to {_SPEAK}|no need (?:to {_SPEAK}|for you)|"
    r"(?:we|i|nobody|no one) (?:don't |do not |dont |doesn't )?need(?:s)? you(?:r (?:help|input|"
    r"opinion))?(?:$|\b(?! to)| to stop)|(?:doesn't|does not|doesnt) concern you|"
    r"none of your (?:business|concern)|wait (?:with (?:your |the )?(?:answer|repl)\w*|until (?:we|i|they|"
    r"you))|no(?:body| one) asked you|you talk too much|(?:leave|let) (?:us|me|them|people|humans) alone|"
    r"only (?:speak|answer|reply|respond|talk) (?:when|if)|"
    r"(?:stay|keep|butt) out of (?:this|it|here|our|that)"
)
"""What asks for quiet in a text that asks for nothing else."""

_ALONE = (
    r"be quite|quiet|silence|shut it|hush|shush|shh+|keep it down|"
    r"that(?:'s|'ll be| will be| is) all|mute(?: yourself)?|zip it|pipe down|cut it out|knock it off|"
    r"back off|give it a rest|stand down|lay off|stop(?: it| that| this| writing)?|say nothing|not needed|"
    r"not now|not you|mind your own(?: business)?|no(?:body| one) asked|too (?:loud|noisy|chatty)|"
    r"(?:take|have) a (?:break|rest|nap)|go (?:away|to sleep|offline)|that's enough|enough|"
    r"(?:turn|switch) (?:yourself )?off|off|pause|hold (?:off|your (?:tongue|horses))|"
    r"give us (?:a (?:break|minute|moment)|(?:some )?(?:space|room|quiet|peace))|"
    r"(?:leave|let) (?:us|me|them|people|humans) (?:be|talk|discuss|handle|finish|work)|"
    r"(?:stay|keep|butt) out|" + tongues.QUIET_ALONE
)
"""What asks for quiet if it is all that is said: else it is about a pause, a mute button, enough memory."""

_BESIDE = (
    r"please|pls|plz|now|right now|ok|okay|thanks|thank you|thx|hey|oh|no|and|so|just|really|for|a|an|the|"
    r"while|bit|moment|second|minute|today|again|everyone|everybody|all|guys|already|then|here|first|of|"
    r"from|this|it|that|you|your|you're|you are|i said|we|need|should|must|can|could|will|would|may|have to|"
    r"with|in|on|conversation|thread|discussion|among|ourselves|alone|bots?|agents?|assistants?|"
    r"(?:the )?next|half|some|time|\d{1,4} ?(?:s|sec|m|min|h|d|days?|hours?|seconds?|minutes?)?|"
    r"sec|min|mins|minutes|hours?|seconds|days?|" + tongues.BESIDE_QUIET
)
_BECAUSE = (
    r"[\s,.;!–—-]+(?:(?:as|because|since) )?(?:(?:we|you|they|i|this(?: one)?)(?:'re|'m|'s| are| am| is)|"
    r"until|till)\b[^?:]*"
)
"""What may come after a request for quiet: why, and until when."""

_OF_YOU = re.compile(r"\b(?:can|could|will|would) you\b")
_ASKS_POLITELY = re.compile(rf"{_OF_YOU.pattern} (?:(?:please|pls|just|maybe|kindly|now) )*\Z")
_ASKS_ELSE = re.compile(r"\b(?:tell|give|show) me\b|\b(?:list|explain|summari[sz]e|instead)\b")
_ABOUT = re.compile(
    r"\b(?:how|what|why|where|when|who|which|whether|if|translate|write|explain|define|mean)\b"
)
"""What comes before words that are talked about, and not meant."""
_QUIET_AMID = re.compile(
    r"\b(?:(?:be|stay|keep|remain) (?:quiet|silent)|shut up|hush|shush|stfu|mute|"
    r"stop (?:talking|answering|replying|responding|posting|interrupting|spamming|commenting))\b"
)
_FIRM_TO_ME = re.compile(rf"(?<!\w)(?:{_FIRM})(?!\w)")
_PLAIN_TO_ME = re.compile(rf"(?<!\w)(?:{_PLAIN})(?!\w)")
_TO_ALL = re.compile(
    r"\b(?:minutes?|moment|bit|hour) of (?:silence|quiet)\b|"
    r"\A(?:please |can (?:we|everyone) |everyone )*(?:be |have |keep )?(?:some |it )?(?:quiet|"
    r"silence)(?:,? please| everyone)?\W*\Z"
)
_FOR_SO_LONG = re.compile(r"\bfor (?:the next )?(\d{1,4}|an?|half an) ?(s|sec|m|min|h|hour|d|day)")
_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400}

_SOME_PEOPLE = (
    r"(?: (?:now|just|here|today))?(?: \w+(?:ing|ed)| (?:know|need|want|see|use|get|think|come|care|remember|"
    r"like|say|look|read))\b"
)
"""What makes of `people only` those of the people who do something: `for people only reading this`."""

MAX_QUIET_WORDS = 14
"""A request for quiet is short; a longer message is a story with such words in it."""


class Wishes:
    """What people wish of an agent that bears one of `names`: quiet, or that people answer."""

    def __init__(self, names: Iterable[str]) -> None:
        mine = "".join("|" + re.escape(name.casefold()) for name in names if name)
        self._alone = re.compile(
            rf"(?:\W*\b(?:{_BESIDE}{mine})(?!\w))*\W*(?<!\w)(?:{_ALONE})(?!\w)"
            rf"(?:\W*\b(?:{_BESIDE}|{_ALONE}{mine})(?!\w))*(?:{_BECAUSE})?\W*"
        )
        bot = rf"@?(?:bots?|ais?|a\.i\.|llms?|agents?|assistants?|robots?{mine})\b"
        people = r"(?:humans?|people|persons?|human beings?)"
        self._mine = re.compile(rf"(?<![\w@])@?(?:bot|ai|agent|assistant{mine})\b")
        self._only = re.compile(
            rf"(?:\A|[(\[,.:;!?–—-] ?|\bfor |\bto |\bfrom ){people},? only\b(?!{_SOME_PEOPLE})|"
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
        if to_me and self._is_quiet_please(said):
            return True
        if _TO_ALL.search(said) is not None:
            return True
        return (
            not to_me
            and "?" not in said
            and self._mine.search(said) is not None
            and _QUIET_AMID.search(said) is not None
        )

    def _is_quiet_please(self, said: str) -> bool:
        """Whether what is said to me asks for quiet, and for nothing else."""
        asks = "?" in said
        for pattern in (_FIRM_TO_ME, _PLAIN_TO_ME):
            found = pattern.search(said)
            if found is None or _ABOUT.search(said, 0, found.start()) is not None:
                continue
            before, after = said[: found.start()], said[found.end() :]
            polite = _ASKS_POLITELY.search(before) is not None
            if pattern is _FIRM_TO_ME and (not asks or polite or not before.strip(" .,:;!-")):
                return True
            if polite or not (asks or _ASKS_ELSE.search(after)):
                return True
        alone = self._alone.fullmatch(said) is not None
        return alone and (not asks or _OF_YOU.search(said) is not None)


def quiet_seconds(text: str) -> int | None:
    """For how long somebody wants quiet, if the text says so."""
    found = _FOR_SO_LONG.search(folded(text))
    if found is None:
        return None
    number = int(found[1]) if found[1].isdecimal() else 1
    seconds = number * _SECONDS[found[2]]
    return seconds // 2 if found[1].startswith("half") else seconds
