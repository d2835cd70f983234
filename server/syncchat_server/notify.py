"""Tells a supervisor that the daemon is up, or about to end: the protocol of sd_notify(3)."""

import logging
import os
import socket

logger = logging.getLogger("syncchat.daemon")

VARIABLE = "NOTIFY_SOCKET"
"""Where systemd listens, for services of Type=notify; not set where nobody wants to know."""

READY = b"READY=1"
STOPPING = b"STOPPING=1"


def notify(state: bytes) -> None:
    """Send `state`, if somebody wants to know; never waits, and whatever fails is but logged."""
    address = os.environ.get(VARIABLE)
    if not address:
        return
    # A name that begins with @ is in Linux' abstract namespace, which is written with a null.
    name = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            out.sendto(state, name)
    except OSError as error:
        logger.warning("the supervisor could not be told %s: %s", state.decode(), error.strerror)
