"""Listeners that are all told, whatever one of them does."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from syncchat.core.presence import Subscription

T = TypeVar("T")


def call_all(callbacks: Iterable[Callable[[], None]], what: str) -> None:
    """Call each; raise what they raised as one ExceptionGroup when all have been called."""
    errors: list[Exception] = []
    for callback in callbacks:
        try:
            callback()
        except Exception as error:  # noqa: BLE001 - raised below, with the others'
            errors.append(error)
    if errors:
        raise ExceptionGroup(what, errors)


class Signal(Generic[T]):
    """Something that happens again and again, and those who want to hear of it."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._callbacks: dict[object, Callable[[T], None]] = {}

    def listen(self, callback: Callable[[T], None]) -> Subscription:
        """Call `callback` each time, in the order of registration, until the subscription is cancelled."""
        token = object()
        self._callbacks[token] = callback
        return Subscription(lambda: self._forget(token))

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens: what is costly to tell need not be made for nobody."""
        return bool(self._callbacks)

    def tell(self, event: T) -> None:
        """Tell everybody; raises an ExceptionGroup of what they raised, once all were told."""
        errors: list[Exception] = []
        for token in list(self._callbacks):
            callback = self._callbacks.get(token)
            if callback is None:
                continue  # an earlier one has cancelled it
            try:
                callback(event)
            except Exception as error:  # noqa: BLE001 - raised below, with the others'
                errors.append(error)
        if errors:
            raise ExceptionGroup(self._what, errors)

    def _forget(self, token: object) -> None:
        self._callbacks.pop(token, None)
