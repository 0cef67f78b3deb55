"""A PostgreSQL server of a test's own: a cluster in a new folder, on a socket there, stopped and deleted afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

MISSING = "PostgreSQL is not installed (apt-get install postgresql)"


def programs() -> Path | None:
    """Where Debian keeps initdb and postgres (not on the path), newest version first; else where the path has them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: -int(path.parts[-3]))
    if found:
        return found[0].parent
    there = shutil.which("initdb")
    return Path(there).parent if there else None


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[str]:
    """The URL of an empty database. The server refuses to run as root, so that another user runs it then.

    ``durable``: every commit waits for the disk, as a server that is used does.
    """
    where = programs()
    assert where is not None, MISSING
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    user = None
    if os.getuid() == 0:
        user = next(name for name in ("postgres", "nobody") if _is_user(name))
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        command = [str(where / program), *arguments]
        done = subprocess.run(command, user=user, cwd=folder, capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})  # fmt: skip
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    try:
        run("initdb", "-D", str(folder / "data"), "-U", "assembly", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = f"-k {folder} -c listen_addresses='' -c fsync={'on' if durable else 'off'} -c max_connections=120"
        run("pg_ctl", "-D", str(folder / "data"), "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            run("createdb", "-h", str(folder), "-U", "assembly", "assembly")
            yield f"postgres://assembly@{quote(str(folder), safe='')}/assembly"
        finally:
            run("pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
