"""The skill of finding earlier messages: "find backup", "who said sqlite", "when did bob mention lunch"."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from syncchat.agent.prompt import Line, Prompt, one_line
from syncchat.agent.skills.words import bare, quoted, words

MAX_SEARCHED = 5_000
"""How many earlier messages are looked through."""

MAX_FOUND = 5

_ABOUT = r"(?:about|on|with|that|something about|containing)"
_SAY = (
    r"(?:say|said|mention|mentioned|write|wrote|written|ask|asked|talk|talked|post|posted"
    r"|speak|spoke|discuss|discussed)"
)

_WHO_SAID = re.compile(rf"who\s+(?:was it that\s+)?{_SAY}\s+(?:{_ABOUT}\s+)?(?P<what>.+)", re.I)

_QUESTIONS = (
    re.compile(
        rf"(?:find|search(?: for)?|look (?:up|for)|show me)\s+(?:me\s+)?(?:the\s+|all\s+)?"
        rf"(?:messages?\s+)?(?:{_ABOUT}\s+)?(?P<what>.+)",
        re.I,
    ),
    _WHO_SAID,
    re.compile(
        rf"(?:when|where|what)\s+(?:did|was|has|have)\s+(?P<who>[\w-]+)\s+(?:last\s+)?{_SAY}"
        rf"(?:\s+{_ABOUT})?(?:\s+(?P<what>.+))?",
        re.I,
    ),
)

_ANYBODY = frozenset({"", "we", "anyone", "anybody", "someone", "somebody", "people", "they", "you"})


def finding(request: str, prompt: Prompt) -> str | None:
    """Earlier messages with every word asked for, the newest first, with authors and times, each cited."""
    match = _question(bare(request))
    if match is None or not prompt.lines:
        return None
    groups = match.groupdict()
    what = (groups.get("what") or "").strip(" \"'“”")
    author = _author((groups.get("who") or "").lower(), prompt)
    if not what and author is None:
        return None
    found = list(islice(_matching(prompt, what, author), MAX_FOUND + 1))
    return _told(found, what, author, prompt)


def asks_who_said(text: str) -> bool:
    """Whether the text asks who said something that can be looked for: "who said that" cannot."""
    match = _WHO_SAID.fullmatch(bare(text))
    return match is not None and bool(words(match["what"]))


def _question(request: str) -> re.Match[str] | None:
    return next((match for question in _QUESTIONS if (match := question.fullmatch(request))), None)


def _author(who: str, prompt: Prompt) -> str | None:
    """The user id that `who` means; None for anybody. `I` is the one who asks."""
    if who == "i":
        return prompt.lines[-1].user
    if who in _ANYBODY:
        return None
    return next((person.user for person in prompt.people if person.name.lower() == who), who)


def _matching(prompt: Prompt, what: str, author: str | None) -> Iterator[Line]:
    wanted = words(what) or [what.lower()]
    for line in islice(prompt.earlier(), MAX_SEARCHED):
        if line.user == prompt.me.user or (author is not None and line.user.lower() != author.lower()):
            continue
        text = line.text.lower()
        # Earlier searches hold the words as well, and would bury what was searched for.
        if all(word in text for word in wanted) and not _is_search(line.text):
            yield line


def _is_search(text: str) -> bool:
    unaddressed = re.sub(r"@[\w-]+[,:]?|^\s*[\w-]{1,40}[,:]\s", " ", text[:200])
    return _question(bare(unaddressed)) is not None


def _told(found: Sequence[Line], what: str, author: str | None, prompt: Prompt) -> str:
    by = f" by {author}" if author else ""
    about = f" with “{one_line(what, 60)}”" if what else ""
    if not found:
        return f"I found no message{by}{about} among those I have."
    head = f"The newest {MAX_FOUND} messages" if len(found) > MAX_FOUND else "What I found"
    return "\n".join([f"{head}{by}{about}:", *(quoted(line, prompt) for line in found[:MAX_FOUND])])
