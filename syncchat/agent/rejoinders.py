"""What somebody says to an answer just given: doubts it, corrects it, goes on from it, wants more of it.

All of it is told from a text as `cues.folded` gives it, and means little unless its author was just answered.
"""

import re

from syncchat.agent import tongues

MAX_CORRECTION = 7
"""Words of `it was Picasso`; what is longer tells something else."""

_DOUBTS = re.compile(
    r"\b(?:(?:that's|that is|you're|you are|is|looks|seems|sounds|looking) (?:\w+ )?(?:wrong|off|"
    r"incorrect|false)|"
    r"wrong (?:answer|one|way)|(?:isn't|not|(?:doesn't|does not|don't|didn't) (?:look|seem|sound|"
    r"feel)) (?:quite |even |really )?(?:right|correct|true)|"
    r"not quite|incorrect|nonsense|are you sure|you sure|pretty sure|you (?:just )?(?:said|mean|forgot|"
    r"missed|mixed|"
    r"swapped|left|skipped|misread|misspelled|made a mistake)|(?:that's|that is) not|add(?:s)? up|"
    r"(?:didn't|doesn't|does not|did not|don't|can't|still|does|did)(?:nt)? (?:be|work|help|fail|get|"
    r"match|compile|run|"
    r"the same)|no,? (?:it|that|i|the|you)|not what i|i (?:meant|asked|said|thought|was (?:taught|told))|"
    r"(?:is|was)n't (?:it|that|he|she|they|the)|should(?:n't)? (?:be|have been)|a mistake|typo|off by|"
    r"mixed up|"
    r"hallucinat\w+|made (?:that|it) up|"
    r"i (?:remember|recall)|(?:count|check|look|think|try) (?:it |that )?again|check (?:that|it)|wait,|"
    r"actually|really|"
    r"error(?=:)|fatal(?=:)|traceback|exception|(?:gives|gave|get|got|"
    r"throws) (?:me )?(?:an? )?(?:\w+ )?error)\b|"
    r"\b(?:is|was|are|were)n't (?!(?:bad|much|fun|funny|easy|needed|necessary|urgent|important)\b)\S+\Z|"
    r"\bwrong\b.{0,3}\Z|\A[\w' -]{2,30}, not [\w' -]{2,30}\W*\Z"
)
_CORRECTION = re.compile(
    r"(?:hm+[ ,.]+|uh[ ,.]+|er[ ,.]+)?(?:it|that|this|he|she|they)(?:'s| is| was| were|"
    r" are)\b (?!(?:all |really |so |very |"
    r"pretty |quite |too |a |an |the |just |much |it\b)*(?:great|fine|good|nice|fast|quick|cool|funny|"
    r"perfect|ok|okay|"
    r"enough|awesome|amazing|better|helpful|useful|interesting|right|correct|true|clear|it|hilarious|"
    r"impressive|weird|odd|"
    r"lovely|brilliant|easy|simple|bad|sad|crazy|wild|neat|sweet|late|raining|lot|answer|one|plan|idea|"
    r"start|relief|joke|"
    r"deal|spirit|works?)\b)"
)
_DENIES = re.compile(r"(?:nope|no|nah|nein|nee|non|não|nie|нет)\W*\Z")
_CONTINUES = re.compile(
    r"(?:and|or|what about|how about|but|also|ok,? (?:and|but)|why|i tried|it says|"
    + tongues.CONTINUES
    + r")\b"
)
_LAUGHTER = r"(?:(?:haha|lol|ok|okay|nice|hm+|cool|great|good|now|please|pls|and|then)[ ,.!]+){0,3}"
_MORE = re.compile(
    _LAUGHTER + r"(?:(?:give me |and )?(?:another|one more|two more|three more|some more|"
    r"the (?:first|second|third|last|next|other) one)\b|"
    r"(?:make|do|try|say|write|rewrite|translate|sort|list|show|tell|give|explain|add|remove|use|"
    r"shorten|expand|"
    r"repeat|continue|go on|convert|compare|draw|find|put|include|replace|change|turn|count|name|describe|"
    r"summari[sz]e|calculate) (?:it|that|them|this|me|us|the|a|an|all|in|to|for|with|on|one|two|three|"
    r"more|some|again)\b|"
    r"(?:a (?:bit|little) |much )?(?:shorter|longer|simpler|slower|clearer|louder)\b|once more\b|"
    r"(?:a (?:bit|little) )?(?:more|less|too) \w+\W*\Z|more\W*\Z|go on\W*\Z|"
    r"in (?:english|german|french|spanish|italian|dutch|one|two|simple|short|plain|other|bullet)\b)"
)


def objects(said: str, words: int) -> bool:
    """Whether it doubts or corrects what was said before."""
    if _DOUBTS.search(said) is not None or tongues.OBJECTS.search(said) is not None:
        return True
    return words <= MAX_CORRECTION and _CORRECTION.match(said) is not None


def denies(start: str) -> bool:
    """Whether it is a mere no."""
    return _DENIES.match(start) is not None


def continues(start: str) -> bool:
    """Whether it goes on with what was said before."""
    return _CONTINUES.match(start) is not None


def wants_more(start: str) -> bool:
    """Whether it wants more of what was said before, or the same in another form."""
    return _MORE.match(start) is not None
