"""What a message does, told from its words alone: it asks, thanks, settles, objects."""

import re
from typing import NamedTuple

from syncchat.agent import tongues
from syncchat.agent.quotes import MASK, own_words
from syncchat.agent.rejoinders import continues, denies, objects, wants_more
from syncchat.agent.spelling import spelled_out
from syncchat.agent.vocabulary import ASKS, WANTED, vocabulary

MAX_READ = 1_000
"""Characters of a message that are read; who says more than that asks at the start, or at the end."""

MAX_THANKS = 12
"""Words that an acknowledgement may have."""

_WORD = re.compile(r"[^\W_][\w'+-]*|\+1|\?+")
_QUESTION = re.compile(r"\?+[\s)\"'!]*(?:\Z|\s)")

_PHRASES = (
    "thanks|thank you|thx|ty|tnx|cheers|ok|okay|k|kk|cool|nice|nice one|great|awesome|perfect|lovely|"
    "excellent|"
    "lol|haha|hahaha|hehe|heh|rofl|lmao|yes|yep|yeah|yup|ya|no|nope|right|sure|got it|i see|ah|oh|aha|"
    "hm|hmm|wow|ta|"
    "makes sense|that makes sense|fair enough|np|yw|you're welcome|welcome|good job|well done|will do|"
    "done|+1|"
    "true|indeed|exactly|agreed|same|same here|same to you|that worked|it worked|works|it works|that works|"
    "works now|it works now|that helped|that helps|good to know|sounds good|no problem|no worries|alright|"
    "all right|all good|of course|good|good night|bye|cya|see you|see ya|later|brb|gtg|my bad|sorry|"
    "understood|roger|noted|i will|will try|i'll try|i'll try that|let me try|let me see|trying|good luck|"
    "good answer|good point|interesting|that's it|that's right|that is right|correct|you're right|"
    "much appreciated|"
    "yay|hooray|phew|whoa|woohoo|bingo|noice|dope|legend|congrats|gotcha|tysm|"
    "good bot|brilliant|superb|sweet|neat|wonderful|fantastic|amazing|finally|close enough|"
    "appreciated|i know|never mind|nevermind|nvm|you rock|love it|enjoy"
)
_ACKNOWLEDGEMENTS = frozenset(_PHRASES.split("|")) | tongues.THANKS
_FILLERS = vocabulary(
    "a lot so much very again for the your help man mate dude all guys everyone everybody then too now "
    "that it to this you i'll and very really well anyway though one info link tip answer explanation quick"
)
_FILLERS |= tongues.FILLERS

_ASKS = re.compile(
    r"(?:(?:hi|hello|hey|ok|so|and|but|also|well|btw|please|guys|folks|all|everyone|there)[ ,]+){0,3}"
    r"(?:(?:how|what|why|where|when|who|which)(?:'s|'re|s)? |is (?:there|it|that|this)|"
    r"are (?:there|those|these|they)|does |do (?:i|you|we|they) |can (?:i|we|you|"
    r"some|any)|could (?:i|we|you|some|any)|should (?:i|we) |would (?:you|any|some)|any(?:one|body) |"
    r"any ideas?|any (?:way|"
    r"hint|tips)|some(?:one|body) (?:know|help)|has any|have any|tell me|show me|explain |help\b|pls help)",
)
_PART = re.compile(r"[.:;!]\s+")
_CLAUSE = re.compile(r"[,.!;:–—]+\s")
_GOES = re.compile(
    r"(?:(?:i|we)(?:'ll| will)|will|gonna|\w+ing|(?:it|that) (?:works|worked|helps|helped)|done|sent|saved|"
    r"copied|see you|talk later)\b"
)
_NEEDS = re.compile(
    r"\b(?:i need|i want to|need (?:some )?help|help me|i can't|i cannot|i cant|can't (?:get|find|seem|"
    r"make)|how (?:to|do|can) |"
    r"trying to|tried to|having (?:some |a lot of )?(?:trouble|problems?|issues?)|use (?:some|"
    r"a bit of) help|"
    r"(?:problems?|trouble|issues?) with|doesn t work|doesn't work|does not work|doesnt work|"
    r"not working|won't|keeps (?:failing|crashing)|"
    r"fails|failed|broken|stuck|looking for|wondering|no idea|don't know how|i get (?:an |this |"
    r"the )?error|any(?:one|body) know)\b"
)
_SETTLES = re.compile(
    r"\b(?:never ?mind|nvm|solved|resolved|(?:all |got it )?sorted\W*\Z|(?:oh|ah),? (?:above|found it|"
    r"i see it)|fixed (?:it|that|now)|(?:it|that|this) (?:worked|"
    r"works|fixed it|did it)|"
    r"works now|working now|got it(?: working| now)?$|figured (?:it )?out|found (?:it|the problem|out)|"
    r"forget it|all good\W*\Z|found (?:the|a|one|my) \w+\W*(?:lol|haha\w*|,|\Z)|"
    r"scrolled up|no longer needed|scratch that)\b"
)
_TO_ROOM = re.compile(
    r"\b(?:any(?:one|body)|some(?:one|body)|every(?:one|body)|guys|folks|any of you|you all|y'all|"
    r"hi all|hello all|people)\b"
)
_YOU = re.compile(r"\b(?:you|your|you're|u|ur|yours)\b")
_POLITE = re.compile(
    r"\b(?:can|could|would|will) (?:you|u) (?:please |pls )?(?:help|tell|explain|show|recommend)|"
    r"do you (?:know|guys)"
)
_REALLY = re.compile(r"\A(?:oh,? |wow,? )?really\?+ (?=\w)")
_WORDS_OF_THANKS = rf"(?:thanks|thank you|thx|ty|cheers|ta(?=\W*\w*\W*\Z)|{tongues.THANK})"
_THANKS_LAST = re.compile(rf"\b{_WORDS_OF_THANKS}\b[^\w?]*\Z")
_PRAISE = (
    r"(?:you're|you are|ur|u r) (?:a|an|the|my|such a) (?:\w+ )?(?:life ?saver|star|legend|hero|gem|genius|"
    r"angel|best|goat|champ|wizard|saint|treasure|boss)"
)
_THANKS_FIRST = re.compile(
    rf"\A(?:oh |ah |ok |great |perfect |nice |omg |lol )?(?:{_WORDS_OF_THANKS}|{_PRAISE})\b"
    r"(?!.*\b(?:now|but|also|please|can|could|next|then|another|one more|what|how|why|and)\b)"
)
_EXCLAIMED = re.compile(r"[^\W\d_a-z][\w'-]+!+")
"""`Ankara!`: just after an answer, a lone name corrects it."""
_CLUELESS = re.compile(
    r"\b(?:no (?:idea|clue)|not sure|dunno|don't know|do not know|same (?:here|question|problem|issue)|"
    r"me (?:too|neither)|"
    rf"good question|i wonder|wondering|beats me|{tongues.CLUELESS})\b"
)
_SMALL_TALK = re.compile(
    r"(?:hi |hey |hello |so |and )?(?:how are|how's (?:it|every|your|life)|how is (?:it going|every)|"
    r"what's up|whats up|sup\b|wassup|"
    r"who's (?:up|in|coming|hungry)|who (?:wants|is (?:up|in|coming|hungry))|anyone (?:here|there|"
    r"up for|around|home|want)|"
    r"(?:any|some)(?:one|body) (?:alive|awake)|"
    r"shall we|should we|are we|do we|did we|can we|lunch|coffee|really|seriously|what\W*\Z|huh|why not|"
    r"who knows|who cares|"
    r"(?:did|have|do|are|were) (?:you|u|ya) |isn't it|right\W*\Z|guess what|you know what)"
)


class Cues(NamedTuple):
    """What a message does, as far as its words tell.

    `asks` is a question, `needs` a problem that somebody states; `to_room` asks anybody, `you` speaks to
    a second person. `settled`: its author needs no answer any more. `continues`: it goes on with what was
    said before, and `more` wants more of it. `thanks` come first or last, with more than thanks.
    `denies` is a mere no. `clueless`: its author would like to know too. `orders`: it begins with what is
    to be done, or is nothing but numbers and signs. `pleased`: it acknowledges, and tells what
    its author does now.
    """

    acknowledges: bool
    asks: bool
    needs: bool
    settled: bool
    objects: bool
    continues: bool
    to_room: bool
    you: bool
    small_talk: bool
    more: bool
    thanks: bool
    thanks_last: bool
    denies: bool
    clueless: bool
    orders: bool
    pleased: bool
    words: int


def cues_of(text: str) -> Cues:
    """What the text does; to be given without its address."""
    said = folded(text)
    words = _WORD.findall(_REALLY.sub("", said))
    start = said.lstrip(" .,:;!-")
    asks = _QUESTION.search(said) is not None or any(map(_opens_a_question, _PART.split(start)))
    you = _YOU.search(said) is not None and _POLITE.search(said) is None
    return Cues(
        acknowledges=_acknowledges(words, said),
        asks=asks,
        needs=_NEEDS.search(said) is not None,
        settled=not asks and _SETTLES.search(said) is not None,
        objects=objects(start, len(words)) or _EXCLAIMED.fullmatch(text.strip()) is not None,
        continues=continues(start),
        to_room=_TO_ROOM.search(said) is not None,
        you=you,
        small_talk=_SMALL_TALK.match(start) is not None,
        more=wants_more(start),
        thanks=not asks and len(words) <= MAX_THANKS and _THANKS_FIRST.search(said) is not None,
        thanks_last=not asks and len(words) <= MAX_THANKS and _THANKS_LAST.search(said) is not None,
        denies=denies(start),
        clueless=_CLUELESS.search(said) is not None,
        orders=_orders(start),
        pleased=_is_pleased(said),
        words=len(words),
    )


def _opens_a_question(part: str) -> bool:
    return _ASKS.match(part) is not None or tongues.ASKS.match(part) is not None


def folded(text: str) -> str:
    """What the author says, in lower case with single spaces; of a long text the start and the end."""
    if len(text) > MAX_READ:
        text = text[: MAX_READ // 2] + " " + text[-MAX_READ // 2 :]
    return spelled_out(" ".join(own_words(text).replace("’", "'").replace(MASK, " ").casefold().split()))


def _orders(start: str) -> bool:
    first = _WORD.match(start)
    return first is None or first[0] in ASKS or first[0] in WANTED or not any(map(str.isalpha, start))


def _is_pleased(said: str) -> bool:
    first, *rest = _CLAUSE.split(said, 1)
    return bool(rest) and _GOES.match(rest[0]) is not None and _acknowledges(_WORD.findall(first), first)


def _acknowledges(words: list[str], said: str) -> bool:
    """Whether it is made of thanks, laughter, yes, no and smileys, and nothing else."""
    if not words:
        # Smileys, or nothing but an address, which is a call.
        return any(not sign.isspace() and sign not in ".,:;!?-" for sign in said)
    if len(words) > MAX_THANKS or any("?" in word for word in words):
        return False
    at, found = 0, False
    while at < len(words):
        length = next((n for n in (4, 3, 2, 1) if " ".join(words[at : at + n]) in _ACKNOWLEDGEMENTS), 0)
        found = found or length > 0
        if not length and words[at] not in _FILLERS:
            return False
        at += length or 1
    return found
