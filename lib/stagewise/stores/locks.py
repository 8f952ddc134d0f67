"""One writer: a lock on what a process writes, which says who holds it."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from stagewise.stores.seals import StoreError

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextlib.contextmanager
def locked(lock: Path, what: str | Path) -> Iterator[None]:
    """Hold the lock that a file stands for; the system lets go of that of a dead process.

    Parameters
    ----------
    lock : Path
        Holds process id and host of the owner while it is held.
    what : str or Path
        What is written, for the message.

    Raises
    ------
    StoreError
        If another process holds it.
    """
    handle = take(lock, what)
    try:
        yield
    finally:
        release(handle, lock)


def take(lock: Path, what: str | Path) -> int:
    """Take a lock and return what `release` takes; see `locked`."""
    import fcntl  # not everywhere that the instruments run

    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _NO_LOCKS or _held(handle):
                refused = _refused(handle, lock, what, error)
                os.close(handle)
                raise refused from error
        if not _is(lock, handle):  # its owner has just removed it
            os.close(handle)
            continue
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()} {socket.gethostname()}\n".encode(), 0)
        except OSError:
            release(handle, lock)
            raise
        return handle


def release(handle: int, lock: Path) -> None:
    """Remove a lock that was taken."""
    if _is(lock, handle):
        lock.unlink()
    os.close(handle)


def _is(lock: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(lock), os.fstat(handle))
    except FileNotFoundError:
        return False


def _owner(handle: int) -> tuple[str, str]:
    process, _, host = os.pread(handle, 300, 0).decode(errors="replace").strip().partition(" ")
    return process, host


def _held(handle: int) -> bool:
    """Return whether the owner lives, where the file system itself has no locks."""
    process, host = _owner(handle)
    if not process.isdigit() or int(process) == os.getpid():
        return False
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _refused(handle: int, lock: Path, what: str | Path, error: OSError) -> Exception:
    if error.errno not in (*_NO_LOCKS, errno.EAGAIN, errno.EACCES):
        return error
    process, host = _owner(handle)
    return StoreError(
        f"{what} is being written by process {process or 'unknown'} on {host or 'this host'}: wait for "
        f"it or end it, and run again (if it is gone, delete {lock.name})"
    )
