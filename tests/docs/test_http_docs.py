"""What docs/http.md shows is executed here as it stands, against a real daemon."""

import json
import re
import subprocess
from pathlib import Path

from syncchat.testing.program import PATIENCE, Daemon

DOCS = Path(__file__).parents[2] / "docs" / "http.md"
EXAMPLES = re.findall(r"```sh\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


def test_W1_W2_the_examples_of_the_docs_run_and_may_be_run_again(tmp_path: Path) -> None:
    with Daemon(tmp_path / "daemon", "--no-agent") as daemon:
        address = daemon.address.replace("ws:", "http:")
        script = "\n".join(EXAMPLES).replace("http://127.0.0.1:8040", address)
        script = re.sub(r"^curl ", "curl --max-time 30 -w '\\\\n' ", script, flags=re.MULTILINE)
        for _ in range(2):
            done = subprocess.run(
                ["bash", "-euc", script], capture_output=True, text=True, timeout=PATIENCE, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
    posted, page, rooms, usage = map(json.loads, done.stdout.splitlines())
    assert page == {"messages": [posted], "next": None}
    assert (posted["text"], posted["user"]) == ("the backup is done", "ada")
    assert rooms["rooms"] == [{"name": "lobby", "role": "agent", "users": ["ada"]}]
    assert usage["messages"] == {"lobby": 1}
