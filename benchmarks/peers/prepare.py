"""Brings the peers into the cache: npm and PyPI packages at exact versions."""

import json
import os
import shutil
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

from benchmarks.peers.catalogue import CACHE, HERE, NODE_MODULES, PYTHON, Peer


def prepare() -> list[str]:
    """Install what is missing; return a sentence for each part that cannot be had."""
    return [reason for reason in (_prepare_node(), _prepare_python()) if reason is not None]


def copy_scripts() -> None:
    """Lay our scripts beside the npm packages they import."""
    folder = CACHE / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    for source in (HERE / "package.json", *HERE.glob("*.mjs")):
        shutil.copy(source, folder)


def version(peer: Peer) -> str:
    """The version of a peer's package, or "unknown"."""
    try:
        if (NODE_MODULES / peer.package).exists():
            return str(json.loads((NODE_MODULES / peer.package / "package.json").read_text())["version"])
        pinned = CACHE / "python.json"
        told = json.loads(pinned.read_text()) if pinned.exists() else {}
        return str(told[peer.package]) if peer.package in told else metadata.version(peer.package)
    except (OSError, KeyError, ValueError, metadata.PackageNotFoundError):
        return "of this checkout" if peer.package == "syncchat" else "unknown"


def _prepare_node() -> str | None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return "the JavaScript peers cannot be had: there is no node and npm here"
    copy_scripts()
    options = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", "--legacy-peer-deps"]
    # Without that last option npm brings every optional peer of TinyBase along: four hundred packages.
    done = subprocess.run([npm, "install", *options], cwd=CACHE / "npm", env=_with_headers(), check=False)
    return (
        None
        if done.returncode == 0
        else f"the JavaScript peers cannot be had: npm ended with {done.returncode}"
    )


def _with_headers() -> dict[str, str]:
    # node-gyp would bring the headers from nodejs.org, also where they lie beside node.
    home = Path(shutil.which("node") or "").resolve().parents[1]
    there = (home / "include" / "node" / "node.h").exists()
    return {"npm_config_nodedir": str(home), **os.environ} if there else dict(os.environ)


def _prepare_python() -> str | None:
    wanted = HERE / "requirements.txt"
    if not PYTHON.exists():
        venv.create(CACHE / "python", with_pip=True)
    pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(wanted)]
    done = subprocess.run(pip, check=False, stdout=sys.stderr)
    if done.returncode != 0:
        return f"pycrdt-websocket cannot be had: pip ended with {done.returncode}"
    pins = (line.partition("==") for line in wanted.read_text().splitlines() if "==" in line)
    (CACHE / "python.json").write_text(json.dumps({name: pin for name, _, pin in pins}))
    return None
