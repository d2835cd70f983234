"""Our own logs keep the contract that is exported for everybody's."""

from pathlib import Path

import pytest

from syncchat.log import Log, MemoryLog, MemoryStore, SqliteLog
from syncchat.testing.log_contract import LogContract


class TestMemoryLog(LogContract):
    @pytest.fixture(autouse=True)
    def storage(self) -> None:
        self.store = MemoryStore()

    def open_log(self) -> Log:
        return MemoryLog(self.store)


class TestSqliteLog(LogContract):
    @pytest.fixture(autouse=True)
    def storage(self, tmp_path: Path) -> None:
        self.path = tmp_path / "log.db"

    def open_log(self) -> Log:
        return SqliteLog(self.path, poll_seconds=0.001)
