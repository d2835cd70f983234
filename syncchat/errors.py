"""Every error syncchat raises, and the one table of codes with which a session ends."""

import traceback
from enum import IntEnum


class CloseCode(IntEnum):
    """Why a session or a connection was ended; the number travels on the wire.

    Codes below 4000 are those of RFC 6455, section 7.4.1. The client may try again after
    every code but those in `FINAL_CODES`, which are 44xx: stock y-websocket clients give up there.
    """

    NORMAL = 1000
    GOING_AWAY = 1001
    TOO_BIG = 1009
    RESTART = 1012
    TRY_LATER = 1013
    BAD_FRAME = 4400
    UNAUTHENTICATED = 4401
    FORBIDDEN = 4403
    BAD_NAME = 4404
    GONE = 4410
    REFUSED = 4422
    LOG_FAILED = 4503
    TIMEOUT = 4508
    TOO_MANY = 4529


FINAL_CODES = frozenset(
    {
        CloseCode.BAD_FRAME,
        CloseCode.UNAUTHENTICATED,
        CloseCode.FORBIDDEN,
        CloseCode.BAD_NAME,
        CloseCode.GONE,
        CloseCode.REFUSED,
    }
)
"""Codes after which trying the same again cannot help: somebody has to change something."""


class SyncchatError(Exception):
    """The root of all errors of this package."""


class InvalidName(SyncchatError, ValueError):
    """A doc, room or user name that the rules for names do not allow."""


class ProtocolError(SyncchatError):
    """A peer sent what its dialect does not allow; it ends that one session.

    `code` is the `CloseCode` to end it with, `reason` a sentence for the other side.
    """

    def __init__(self, reason: str, code: CloseCode = CloseCode.BAD_FRAME) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class MalformedUpdate(SyncchatError):
    """Bytes that are no update, or one that no honest encoder writes."""


class Refused(SyncchatError):
    """The guard's no: `rule` is the SPEC rule, `reason` a sentence, `rows` what it was about."""

    def __init__(self, rule: str, reason: str, rows: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(f"{rule}: {reason}")
        self.rule = rule
        self.reason = reason
        self.rows = rows


class LogError(SyncchatError):
    """A log could not do what was asked; nothing of the failed call is in it."""


class LogFailed(LogError):
    """Writing failed (disk full, I/O error): what was to be written is not in the log."""


class LogCorrupt(LogError):
    """The file is no log, a damaged one, or one of a newer version; the text names it and the remedy."""


class LinkClosed(SyncchatError):
    """The link is gone: `code` (a `CloseCode` value, or the peer's own number) and `reason`."""

    def __init__(self, code: int = CloseCode.GOING_AWAY, reason: str = "") -> None:
        super().__init__(f"link closed ({code}{': ' + reason if reason else ''})")
        self.code = code
        self.reason = reason


def describe(error: BaseException) -> str:
    """What a log line may say of an error: texts of exceptions that are not ours may quote a message."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, SyncchatError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    return (
        f"{type(error).__name__} in {frames[-1].filename}:{frames[-1].lineno}"
        if frames
        else repr(type(error))
    )
