"""Everything that a daemon allows: the limits of its hub, and those of the HTTP in front of it."""

from dataclasses import dataclass

from syncchat.hub import Limits


@dataclass(frozen=True, slots=True)
class DaemonLimits(Limits):
    """A hub's limits, and those of connections that are no websockets, or none yet.

    The settings file sets each by its name in its table `[limits]`.
    """

    # HTTP.

    request_head_seconds: float = 10.0
    """Seconds in which a request's headers have to arrive, from connection or first byte on; then 408."""

    request_body_seconds: float = 30.0
    """Seconds in which the body has to follow; then the connection is closed."""

    request_head_bytes: int = 1 << 15
    """Bytes of headers; past it 431. The longest token is a quarter of it."""

    requests_per_address: int = 200
    """Connections from one address that are no websockets (yet); the next gets 503. This machine's own
    are not counted: a proxy here stands for everybody."""

    requests_per_second: float = 50.0
    """Requests of one user to the HTTP API, on the whole; past it and the burst 429 and when to try again."""

    requests_burst: float = 500.0
    """Requests of one user at once."""
