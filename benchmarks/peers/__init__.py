"""The servers that are measured, ours among them."""

from benchmarks.peers.catalogue import OURS, PEERS, Peer, peers
from benchmarks.peers.server import DidNotStart, Server, running

__all__ = ["OURS", "PEERS", "DidNotStart", "Peer", "Server", "peers", "running"]
