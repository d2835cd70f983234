"""Slack's way of writing texts and reactions, as everybody else writes them."""

import html
import re
from collections.abc import Callable

from syncchat.core.message import MAX_EMOJI

_MARKUP = re.compile(r"<([^<>\n]+)>")

# Those that people react with most; any other keeps its name between colons.
_EMOJI = {
    "+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "ok_hand": "👌", "clap": "👏",
    "wave": "👋", "raised_hands": "🙌", "pray": "🙏", "muscle": "💪", "point_up": "☝️", "v": "✌️",
    "handshake": "🤝", "heart": "❤️", "broken_heart": "💔", "fire": "🔥", "100": "💯", "tada": "🎉",
    "rocket": "🚀", "eyes": "👀", "white_check_mark": "✅", "heavy_check_mark": "✔️", "x": "❌",
    "warning": "⚠️", "question": "❓", "exclamation": "❗", "bulb": "💡", "bug": "🐛", "star": "⭐",
    "sparkles": "✨", "zap": "⚡", "smile": "😄", "smiley": "😃", "grinning": "😀", "wink": "😉",
    "slightly_smiling_face": "🙂", "joy": "😂", "rolling_on_the_floor_laughing": "🤣", "laughing": "😆",
    "sweat_smile": "😅", "blush": "😊", "heart_eyes": "😍", "sunglasses": "😎", "thinking_face": "🤔",
    "cry": "😢", "sob": "😭", "scream": "😱", "open_mouth": "😮", "confused": "😕", "disappointed": "😞",
    "rage": "😡", "face_palm": "🤦", "shrug": "🤷", "coffee": "☕", "beer": "🍺", "pizza": "🍕",
    "cake": "🍰", "dog": "🐶", "cat": "🐱", "lock": "🔒",
}  # fmt: skip


def emoji_of(name: str) -> str:
    """The emoji that Slack calls so; the colour of a hand is not kept."""
    plain = name.partition("::")[0]
    return _EMOJI.get(plain) or f":{plain.replace('|', '')[: MAX_EMOJI - 2]}:"


def plain_text(text: str, user: Callable[[str], str], channel: Callable[[str], str]) -> str:
    """A text without Slack's markup: `user` and `channel` tell the names of their ids."""

    def written(match: re.Match[str]) -> str:
        target, _, label = match[1].partition("|")
        kind, rest = target[:1], target[1:]
        if kind == "@":
            return f"@{user(rest)}"
        if kind == "#":
            return f"#{label or channel(rest)}"
        if kind == "!":
            return label if label else f"@{rest.partition('^')[0]}"
        address = target.removeprefix("mailto:")
        return f"{label} ({target})" if label and label not in (target, address) else address

    return html.unescape(_MARKUP.sub(written, text))
