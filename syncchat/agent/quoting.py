"""What people wrote, quoted so that it cannot pass for anything but what they wrote (A20).

It is JSON: a text can hold neither a raw line break nor an unescaped quote, so it stays in its line. What
JSON would leave as it is, but a model's tokenizer, a terminal or a reader may take for more than text, is
written as JSON's escapes: a reader of JSON gets the very same text back.
"""

import json
import re

_HIDDEN = re.compile(
    # Controls and format characters (categories Cc, Cf): line breaks of all sorts, bidi overrides, what
    # has no width, and the tags and variation selectors that smuggle letters nobody sees.
    "[\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e01ef]"
)

_TOKEN = re.compile(
    # What opens a token of some model's chat template: <|im_start|>, </s>, <start_of_turn>, <<SYS>>,
    # [INST], [gMASK], and an imitation of our labels. "a < b" and "<3" are left alone.
    r"<(?![\s\d=\-])|\[(?=/?[A-Z_]{2,30}\]|gMASK|[mM]\d)"
)

_OWN_TOKEN = re.compile(
    r"<(?=[|｜]|</?SYS>|/?(?:s|bos|eos|pad|unk|think|tool_call|start_of_turn|end_of_turn)>)"  # noqa: RUF001
    r"|\[(?=/?[A-Z_]{2,30}\])"
)


def quoted(value: object) -> str:
    """`value` as one line of JSON that holds no line break, nothing hidden, and no token of a template."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _HIDDEN.sub(_escaped, _TOKEN.sub(_escaped, text))


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1] if match[0] > "\x7f" else f"\\u{ord(match[0]):04x}"


def spoken(text: str) -> str:
    """The agent's own words, for a turn of its own, where there is no JSON: template tokens are broken up."""
    return _OWN_TOKEN.sub(lambda match: f"{match[0]} ", text)
