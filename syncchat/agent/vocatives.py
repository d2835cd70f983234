"""Whom a message calls: by `@`, in front, behind a comma at the end, or perhaps."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from syncchat.agent import tongues
from syncchat.agent.names import MAX_WORDS, Names
from syncchat.agent.spelling import spelled_out
from syncchat.agent.vocabulary import (
    ASKS,
    BEFORE_A_THING,
    EVERYBODY,
    GREETINGS,
    HEADINGS,
    NOT_CALLED,
    OPENERS,
    SAYS_OF,
    SAYS_TO,
    TALKS_OF,
    WANTED,
    WARM,
    YOUR_TURN,
)

FRONT = 300
"""Characters in which a message's address stands, if it begins with one."""

MAX_CALLED = 8
"""How many names a message may begin with; more are a list of people, not an address."""

MAX_SENTENCES = 16
"""In how many sentences after the first a name is looked for."""

MAX_LOOKED_AT = 60
"""So many words are looked at for a name amid a sentence."""

MAX_MENTIONS = 32
"""How often `@` is looked at in one message."""

_MENTION = re.compile(r"(?<![^\s(\[{,;:!?/–—-])@(?=\w)")
_WORD = re.compile(r"\S+")
_NICK = re.compile(r"[\w\-\[\]\\`^{}|]{2,40}\Z")
_MARKS = ",:;!?.>→"
_FRONT_WORD = re.compile(r"[^\s,:>→]+[,:;!?.>→]*|[,:>→]+")
"""A word with the marks behind it: who is in a hurry puts no space after `name:`."""

_WHOM = frozenset({"it", "there", "this", "that", "i", "we", "they", "he", "she", "my", "anyone", "anybody"})
_NEW_SENTENCE = re.compile(r"(?:[.!?:;]\)?(?=\s)|\n)\s*")
_ASKS_YOU = re.compile(r"\s+(?:can|could|would|will|do|did) you\b", re.I)
_WH = re.compile(
    r"(?:what|how|when|where|why|which|was|wie|wo|wann|warum|welche|qué|que|cómo|como|cuándo|quoi|"
    r"comment|quand|où)\b",
    re.I,
)
_I = re.compile(r"\b(?:i|we|my|our|ich|wir|je|nous|yo)\b", re.I)
_STRANGER = re.compile(r"\s*([^\W\d_]{2,20}),\s+\S")
_GREETED = re.compile(r"\s*(?:hey|hi|hello|hallo|hola|salut|dear)\s+([^\W\d_]{2,20})\b[,!?]?(?=\s|\Z)", re.I)
_ASKED = re.compile(r"\s*([^\W\d_]{2,20})\s+(?:do|did|can|could|would|will|have|are)\s+you\b", re.I)
_JOINS = frozenset({"and", "&", "+", "or"})
_YOU = re.compile(r"\b(?:you|your|u|ur)\b", re.I)
_NAME_LIKE = re.compile(r"(?<!\S)([^\s,:?]{2,40}?)([,:?]?(?:\s+|\Z))")
_AMID = re.compile(r",\s+([^\s,]{2,40}),\s")


class Call(NamedTuple):
    """Some `users` are called between two characters, `sure` or perhaps; none: a name that nobody has.

    A greeting that belongs to it begins `greeting` characters before.
    """

    users: tuple[str, ...]
    start: int
    end: int
    sure: bool = True
    greeting: int = 0


def named(word: str, names: Names) -> tuple[str, ...]:
    """Whose name a word is that stands in a sentence."""
    return () if word.casefold() in NOT_CALLED else names.find(word)


def mentions(words: str, names: Names) -> Iterator[Call]:
    """Who is called by `@`; `@all` and the like call nobody in particular."""
    for at in islice(_MENTION.finditer(words), MAX_MENTIONS):
        tokens = list(islice(_WORD.finditer(words, at.end(), at.end() + 200), MAX_WORDS))
        length, users = _longest(tokens, names)
        if length:
            end = tokens[length - 1].end()
            yield Call(users, at.start(), end)
        elif (bare := _bare(tokens[0][0])) and bare.casefold() not in EVERYBODY and _NICK.match(bare):
            yield Call((), at.start(), at.end() + len(bare))


def starts_anew(words: str, start: int) -> bool:
    """Whether a call stands where a sentence begins, or in a row of calls."""
    before = words[max(0, start - 60) : start].split()
    if not before or "\n" in words[max(0, start - 2) : start]:
        return True
    return before[-1][-1] in ".!?;,:" or before[-1].startswith("@") or before[-1].casefold() in _JOINS


def _bare(word: str) -> str:
    return word.rstrip(_MARKS + ")]}'’–—")


def _longest(tokens: list[re.Match[str]], names: Names) -> tuple[int, tuple[str, ...]]:
    """How many of the words at the start are a known name, and whose."""
    for length in range(min(names.words, len(tokens)), 0, -1):
        spelling = " ".join(token[0] for token in tokens[:length])
        spelling = spelling.removeprefix("@")
        bare, marked = _bare(spelling), spelling.rstrip(_MARKS)
        users = names.find(bare) or (names.find(marked) if marked != bare else ())
        if users:
            return length, users
    return 0, ()


def in_front(words: str, names: Names) -> Call | None:
    """The names that a message begins with, after a greeting or two."""
    tokens = list(_FRONT_WORD.finditer(words, 0, FRONT))
    warm = False
    for skipped in range(min(3, len(tokens))):
        call = _names_at(tokens[skipped:], names, words, warm)
        if call is not None:
            return call._replace(greeting=call.start - tokens[0].start() if call.users else 0)
        greeting = tokens[skipped][0].rstrip(",!.").casefold()
        if greeting not in GREETINGS and greeting not in tongues.GREETINGS:
            return None
        warm = greeting in WARM
    return None


def _names_at(tokens: list[re.Match[str]], names: Names, words: str, warm: bool) -> Call | None:
    """One name or several (`ann, bob and cy: ...`), if what follows them shows that they are called."""
    users: tuple[str, ...] = ()
    at, last = 0, None
    while at < len(tokens) and len(users) < MAX_CALLED:
        length, found = _longest(tokens[at : at + MAX_WORDS], names)
        if not found:
            break
        users += found
        at += length
        last = tokens[at - 1]
        mark = last[0][len(_bare(last[0])) :]
        joined = at < len(tokens) - 1 and tokens[at][0].casefold() in _JOINS
        if joined and _longest(tokens[at + 1 : at + 1 + MAX_WORDS], names)[0]:
            at += 1
        elif mark != ",":
            break
    if last is None:
        return _heading(tokens[0], words)
    sure = _called(tokens, at, words, warm)
    return None if sure is None else Call(users, tokens[0].start(), last.end(), sure)


def _heading(token: re.Match[str], words: str) -> Call | None:
    """`name: ...` calls somebody even if nobody who is known has that name."""
    word = token[0]
    if (
        not word.endswith(":")
        or not words[token.end() : token.end() + 1].isspace()
        or not _NICK.match(word[:-1])
    ):
        return None
    name = word[:-1].casefold()
    if name in HEADINGS or name in NOT_CALLED or not any(letter.isalpha() for letter in name):
        return None
    return Call((), token.start(), token.end())


def _called(tokens: list[re.Match[str]], at: int, words: str, warm: bool) -> bool | None:
    """Whether the names, which end before `at`, are called: True, False for perhaps, None for no."""
    last = tokens[at - 1][0]
    strong = last[-1] in ":>→" or last.startswith("@")
    if last.rstrip(_MARKS).casefold() in NOT_CALLED and not strong:
        return None
    if strong or last[-1] in ",;!?" or at == len(tokens):
        return True
    after = spelled_out(tokens[at][0].casefold())
    if after in {":", ",", "-", "–", "—", ">", "→"}:
        return True
    whom = tokens[at + 1][0].casefold() if at + 1 < len(tokens) else ""
    if whom == "you":
        return True
    if after in SAYS_OF:
        return True if whom in _WHOM and words.rstrip().endswith("?") else None
    word = after.rstrip(_MARKS)
    said_to = (ASKS, WANTED, SAYS_TO, tongues.ASKED)
    return warm or any(word in some for some in said_to) or words.rstrip().endswith("?")


def behind(words: str, names: Names) -> Call | None:
    """A name at the end: behind a comma it is called, else perhaps."""
    end = len(words.rstrip())
    tokens = list(_WORD.finditer(words, max(0, end - 130), end))[-MAX_WORDS - 1 :]
    for length in range(min(names.words, len(tokens) - 1), 0, -1):
        last = tokens[-length:]
        found, users = _longest(last, names)
        if found == length and _bare(last[-1][0]).casefold() not in NOT_CALLED:
            return _at_the_end(words, tokens[-length - 1], last, users)
    return None


def _at_the_end(
    words: str, before: re.Match[str], name: list[re.Match[str]], users: tuple[str, ...]
) -> Call | None:
    word, start = before[0].casefold(), before.end()
    end = name[-1].start() + len(_bare(name[-1][0]))
    if word.endswith(",") or word == "|":
        return Call(users, before.end() - 1, end)
    if word.rstrip(_MARKS) in BEFORE_A_THING:
        return None
    sure = words.rstrip().endswith("?") and _is_asked(words, word, max(0, start - FRONT), start)
    return Call(users, start, end, sure)


def _is_asked(words: str, word: str, start: int, end: int) -> bool:
    """Whether a question, up to the name that ends it, is put to that one, and not about it."""
    if word in YOUR_TURN and _YOU.search(words, start, end) is not None:
        return True
    return (
        _WH.match(words) is not None and _I.search(words, start, end) is None and words.count(" ", 0, end) > 2
    )


def in_later_sentences(words: str, names: Names) -> Iterator[Call]:
    """Who is called where a sentence begins: `it is broken. name, why?`"""
    said = words.rstrip()
    for point in islice(_NEW_SENTENCE.finditer(said), MAX_SENTENCES):
        tokens = list(_FRONT_WORD.finditer(words, point.end(), point.end() + 60))
        length, users = _longest(tokens[:MAX_WORDS], names)
        # `agenda: ann, bob, lunch` lists them.
        if point[0][0] in ":;" and not said.endswith("?"):
            continue
        marked = bool(length) and tokens[length - 1][0][-1] in ",:"
        asked = bool(length) and _ASKS_YOU.match(words, tokens[length - 1].end()) is not None
        if (marked or asked) and named(_bare(tokens[length - 1][0]), names):
            yield Call(users, tokens[0].start(), tokens[length - 1].end())


def within(words: str, names: Names) -> Iterator[Call]:
    """Who is called amid a sentence: `..., name: what ...`, `... here name, how ...`, `and name can you ...`,
    `..., name? And ...`.
    """
    for word in islice(_NAME_LIKE.finditer(words), 1, MAX_LOOKED_AT):
        users = named(word[1], names)
        if users and _is_called_within(words, word):
            yield Call(users, word.start(), word.end(1) + len(word[2].rstrip()))


def _is_called_within(words: str, name: re.Match[str]) -> bool:
    before = words[max(0, name.start() - 40) : name.start()].rstrip()
    last = before.rpartition(" ")[2].casefold()
    if not before:
        return False
    if _ASKS_YOU.match(words, name.end(1)) is not None:
        return before[-1] in _MARKS or last in _JOINS
    if last.rstrip(_MARKS) in BEFORE_A_THING or last in TALKS_OF:
        return False
    mark, behind_comma = name[2].strip(), before[-1] in ",;"
    if mark == "?":
        return behind_comma
    first = _WORD.match(words, name.end())
    asked = first is not None and spelled_out(first[0].casefold()).rstrip(_MARKS) in ASKS | WANTED
    return asked and (mark == "," or (mark == ":" and before[-1] in ",;.!?"))


def calls_a_stranger(words: str) -> bool:
    """Whether a message seems to begin with an unknown name: `alex, who is it?`, `hey alex ...`."""
    for pattern in (_STRANGER, _GREETED, _ASKED):
        found = pattern.match(words)
        if found is not None and not _is_common(found[1].casefold()):
            return True
    return False


def _is_common(word: str) -> bool:
    return word in OPENERS or word in GREETINGS or word in NOT_CALLED or word.endswith("ly")


def amid(words: str, names: Names) -> frozenset[str]:
    """Who is named between two commas."""
    if "," not in words:
        return frozenset()
    found = islice(_AMID.finditer(words, 0, FRONT), MAX_CALLED)
    return frozenset(user for name in found for user in named(name[1], names))
