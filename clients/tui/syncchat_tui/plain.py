"""Makes anybody's text harmless for a terminal: nothing in it can move the cursor or reorder the line."""

import re

_CONTROL = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}

# C1 controls, separators that terminals take for line feeds, bidirectional overrides and isolates,
# invisible operators, interlinear annotations, lone surrogates (JSON can carry them, UTF-8 cannot).
_HIDDEN = re.compile(
    "[\x80-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_SUSPECT = re.compile("[^ -~\u00a0-\u02ff\u4e00-\u9fff]")

# Joining is for emoji: anywhere else the width would be counted wrongly and the line would overflow.
_STRAY_JOINER = re.compile("\u200d(?![\u2190-\u2bff\U0001f000-\U0001faff])")

_COMBINING = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_PILED = re.compile(f"([{_COMBINING}]{{3}})[{_COMBINING}]+")

TAB = " " * 4


def plain(line: str) -> str:
    """Return one line of text with everything a terminal would act on made visible or taken out.

    Control characters become their pictures (ESC is shown as U+241B), bidirectional overrides and lone
    surrogates U+FFFD, a tab four spaces; more than three marks on one character are cut. A line feed is
    a control character here: split the text into lines before.
    """
    if not _SUSPECT.search(line):
        return line
    line = line.replace("\t", TAB).translate(_CONTROL)
    line = _HIDDEN.sub("\ufffd", line)
    return _PILED.sub(r"\1", _STRAY_JOINER.sub("", line))
