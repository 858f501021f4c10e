"""Files too big for the package: looked for on this machine, else downloaded; always verified.

A download goes to a temporary name and gets its real one only when its checksum is right, so a
failure leaves nothing behind and several processes may download the same file at once.
"""

import hashlib
import os
import secrets
from pathlib import Path

__all__ = ["DatasetError", "fetch", "find", "verify", "verify_file"]

TIMEOUT = (5, 15)  # seconds to connect, seconds without a single byte


class DatasetError(RuntimeError):
    """A data set is missing, damaged, or could not be downloaded; the message says what to do.

    Examples
    --------
    >>> issubclass(DatasetError, RuntimeError)
    True
    """


def verify(content, sha256, name):
    """Return ``content`` (bytes), once its SHA-256 is found to be among ``sha256``.

    Raises
    ------
    DatasetError
        If it is not; names both.

    Examples
    --------
    >>> verify(b"three", ["8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f"], "3")
    b'three'
    >>> verify(b"four", ["8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f"], "3")
    Traceback (most recent call last):
    ...
    nncourse.downloads.DatasetError: 3 (4 bytes) is damaged, or is not the file it should be.
      expected sha256 8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f
      received sha256 04efaf080f5a3e74e1c29d1ca6a48569382cbbcd324e8d59d2b83ef21c039f00
    """
    _compare(hashlib.sha256(content).hexdigest(), len(content), sha256, name)
    return content


def verify_file(path, sha256, name=None):
    """Return ``path``, once the SHA-256 of this file is found to be among ``sha256``.

    The file is read piece by piece: it may be larger than the memory.

    Raises
    ------
    DatasetError
        If it is not; as :func:`verify` does.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "3"
    ...     _ = path.write_bytes(b"three")
    ...     verify_file(path, [hashlib.sha256(b"three").hexdigest()]).name
    '3'
    """
    with open(path, "rb") as file:
        received = hashlib.file_digest(file, "sha256").hexdigest()
    _compare(received, os.path.getsize(path), sha256, name or path)
    return path


def _compare(received, size, sha256, name):
    if received not in sha256:
        raise DatasetError(
            f"{name} ({size:,} bytes) is damaged, or is not the file it should be.\n"
            f"  expected sha256 {' or '.join(sha256)}\n  received sha256 {received}"
        )


def find(name):
    """Path of the file ``name`` on this machine, or None.

    Looks in ``$NNCOURSE_DATA``, in ``book/data`` of a clone of the course (the one this package
    lies in, or one around the working directory), and in the user's cache.

    Examples
    --------
    >>> find("no-such-file.npz") is None
    True
    """
    files = (folder / name for folder in _folders())
    return next((file for file in files if os.path.isfile(file)), None)


def fetch(name, mirrors, sha256, *, verbose=True):
    """Download ``name`` from the first mirror that delivers the right bytes; return its path.

    A mirror is an address, or a function that writes the file to the path it is given. The file is
    kept in ``$NNCOURSE_DATA`` if that is set, else in the user's cache. Raises DatasetError,
    whose first line is the reason, if ``NNCOURSE_OFFLINE=1`` is set, if the folder cannot be
    written, if pooch is not installed, or if no mirror delivers.

    Examples
    --------
    >>> from unittest import mock
    >>> with mock.patch.dict(os.environ, NNCOURSE_OFFLINE="1"):
    ...     fetch("digits.npz", ["https://example.org/digits.npz"], ["0" * 64])
    Traceback (most recent call last):
    ...
    nncourse.downloads.DatasetError: digits.npz is not on this machine, and NNCOURSE_OFFLINE ...
    """
    if os.environ.get("NNCOURSE_OFFLINE", "") not in ("", "0"):
        raise _unavailable(name, "NNCOURSE_OFFLINE forbids downloading it")
    try:
        from pooch import HTTPDownloader
    except ImportError:
        raise _unavailable(name, "downloading it needs pooch (pip install pooch)") from None
    folder = Path(os.environ.get("NNCOURSE_DATA") or _cache()).expanduser()
    part = folder / f".{name}-{os.getpid()}-{secrets.token_hex(4)}.part"  # this download's alone
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.touch()
    except OSError as error:
        raise _unavailable(name, "the cache folder cannot be written", [str(error)]) from error
    download = HTTPDownloader(timeout=TIMEOUT, chunk_size=2**16)
    failures = []
    try:
        for mirror in mirrors:
            url = str(mirror)
            if verbose:
                print(f"Downloading {name} from {url.split('/')[2] if '://' in url else url}")
            try:
                if callable(mirror):
                    mirror(part)
                else:
                    download(url, str(part), None)
                verify_file(part, sha256, url)
                os.replace(part, folder / name)
            except (OSError, DatasetError) as error:  # requests raises OSErrors
                failures.append(str(error) if url in str(error) else f"{url}: {error}")
            else:
                return folder / name
    finally:
        part.unlink(missing_ok=True)
    raise _unavailable(name, "no mirror delivered it", failures)


def _unavailable(name, reason, details=()):
    places = "\n".join(f"  {folder}" for folder in _folders())
    return DatasetError(
        "\n".join([f"{name} is not on this machine, and {reason}", *details])
        + f"\nLooked for it in:\n{places}"
    )


def _folders():
    here = Path.cwd()
    clones = dict.fromkeys((Path(__file__).resolve().parents[1], here, *here.parents))
    folders = [clone / "book" / "data" for clone in clones]
    if chosen := os.environ.get("NNCOURSE_DATA"):
        folders.insert(0, Path(chosen).expanduser())
    if cache := _cache():
        folders.append(cache)
    return folders


def _cache():
    try:
        from platformdirs import user_cache_path  # comes with pooch
    except ImportError:
        return None
    return user_cache_path("nncourse")
