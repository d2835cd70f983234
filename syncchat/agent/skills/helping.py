"""The skills of saying who is here, and what the built-in model is and can do."""

import re

from syncchat.agent.prompt import Prompt, Who
from syncchat.agent.skills.words import bare

CAN_DO = (
    "I can calculate (15% of 80), summarise the last messages, find earlier ones (find backup, "
    "who said sqlite, when did bob mention lunch), and say who is here."
)

_HERE = r"(?:here|there|online|around|present|in here|in (?:this|the) room)"
_WHO_IS_HERE = re.compile(
    rf"who(?:'s|’s| is|s| are| else is)? (?:all )?{_HERE}(?: now| right now)?"
    rf"|(?:is )?any(?:one|body) (?:else )?{_HERE}|list (?:the )?(?:people|users|members)",
    re.I,
)
_HELP = re.compile(r"help(?: me)?|what can you do|what do you do|who are you|what are you|commands", re.I)
_HELLO = r"hi|hello|hey|good (?:morning|evening|day|afternoon)|thanks?|thank you|ping"
_GREETING = re.compile(rf"(?:(?:{_HELLO})(?: there| all| you)?)?", re.I)


def asks_who_is_here(text: str) -> bool:
    """Whether the text, said to nobody in particular, asks who is here."""
    return _WHO_IS_HERE.fullmatch(bare(text)) is not None


def presence(request: str, prompt: Prompt) -> str | None:
    """Who is here, the agent itself last."""
    if not asks_who_is_here(request):
        return None
    names = [_shown(who) for who in prompt.people if who.user != prompt.me.user]
    return f"Here now: {', '.join(names)}, and I." if names else "I see nobody else here, only me."


def _shown(who: Who) -> str:
    return who.user if who.name == who.user else f"{who.name} ({who.user})"


def helping(request: str, prompt: Prompt) -> str | None:
    """What the built-in model is, for who asks or only says hello."""
    asked = bare(request)
    if not (_HELP.fullmatch(asked) or _GREETING.fullmatch(asked)):
        return None
    me = f"I am {prompt.me.name}, running on syncchat's built-in model"
    return f"{me}: no language model is connected. {CAN_DO}"
