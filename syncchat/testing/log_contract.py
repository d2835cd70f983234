"""The contract of a log as a suite of tests: subclass `LogContract` to put a log of your own under it."""

import pytest

# Before they are imported: a failing assertion is to show its values to third parties too.
pytest.register_assert_rewrite(
    "syncchat.testing._log_case",
    "syncchat.testing._log_appends",
    "syncchat.testing._log_tails",
    "syncchat.testing._log_compaction",
    "syncchat.testing._log_dropping",
)

from syncchat.testing._log_appends import AppendContract  # noqa: E402
from syncchat.testing._log_compaction import CompactionContract  # noqa: E402
from syncchat.testing._log_dropping import DropContract  # noqa: E402
from syncchat.testing._log_tails import TailContract  # noqa: E402


class LogContract(AppendContract, TailContract, CompactionContract, DropContract):
    """Every rule of a log as a pytest test; it needs pytest, and anyio's plugin for it.

        class TestMyLog(LogContract):
            @pytest.fixture(autouse=True)
            def storage(self, tmp_path: Path) -> None:
                self.path = tmp_path / "log"

            def open_log(self) -> Log:
                return MyLog(self.path)

    pytest makes a new instance for each test and, by the fixture, a new storage. `open_log`
    gives a handle that is not entered yet; the tests open several at once on that storage,
    and open it again after they left it.
    """
