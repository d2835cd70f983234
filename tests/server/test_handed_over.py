"""What root makes in a daemon's folder belongs to the daemon's user, who could not read it otherwise."""

import os
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from syncchat.log import SqliteLog
from syncchat_server.backup import restore
from syncchat_server.folder import LOG_NAME, own_folder
from syncchat_server.issuing import make_secret, revoke
from syncchat_server.settings import BadSetting

USER = 54321
"""A user id that is nobody's."""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="for root alone")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A daemon's folder, as `StateDirectory` of systemd is: another user's."""
    path = tmp_path / "daemon"
    path.mkdir(mode=0o700)
    os.chown(path, USER, USER)
    return path


async def make_log(path: Path) -> None:
    async with SqliteLog(path):
        """An empty log."""


def put_back(folder: Path) -> None:
    copy = folder.parent / "copy.sqlite"
    anyio.run(make_log, copy)
    restore(copy, folder)


def lock(folder: Path) -> None:
    with own_folder(folder):
        """Nothing is done in it."""


@pytest.mark.parametrize(
    ("work", "names"),
    [
        (make_secret, {"secret"}),
        (lambda folder: revoke(folder, "t1"), {"revoked"}),
        (put_back, {LOG_NAME, "lock"}),
        (lock, {"lock"}),
    ],
    ids=["secret", "revoke", "restore", "lock"],
)
def test_U1_U4_R4_what_root_makes_is_the_daemons(
    folder: Path, work: Callable[[Path], object], names: set[str]
) -> None:
    work(folder)
    assert {file.name: file.stat().st_uid for file in folder.iterdir()} == dict.fromkeys(names, USER)


def test_U4_root_follows_no_link_that_the_daemons_user_has_laid(folder: Path) -> None:
    precious = folder.parent / "precious"
    precious.write_text("")
    (folder / "revoked").symlink_to(precious)
    with pytest.raises(BadSetting, match="revoked"):
        revoke(folder, "t1")
    assert precious.read_text() == ""
    assert precious.stat().st_uid == 0
