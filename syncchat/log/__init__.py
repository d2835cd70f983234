"""Logs: durable, ordered lists of updates, several docs to a log."""

from syncchat.log.memory import MemoryLog, MemoryStore
from syncchat.log.protocol import Beside, Entry, Log
from syncchat.log.sqlite import SqliteLog

__all__ = ["Beside", "Entry", "Log", "MemoryLog", "MemoryStore", "SqliteLog"]
