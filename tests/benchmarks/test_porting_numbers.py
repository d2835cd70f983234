"""The benchmark of imports runs, and its numbers keep to what they are held against."""

from pathlib import Path

import pytest

from benchmarks import porting


def test_an_import_is_measured_without_the_real_history_as_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(porting, "HISTORY", tmp_path / "nowhere")
    found = porting.measure(2000)
    assert found["messages"] == 2000
    assert float(str(found["log_per_text"])) <= 1.5
    assert float(str(found["import_per_s"])) > 0
