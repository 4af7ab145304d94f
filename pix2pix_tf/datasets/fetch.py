"""Download of one file over HTTP, which can be resumed.

The bytes are written to FILE, and to FILE.json the properties that decide whether a later attempt
can continue it: the address, the size, and the server's identifier of the version (ETag or
Last-Modified). The next attempt requests only the rest, and only of the same version (`Range`,
`If-Range`); if the server has another version or does not support ranges, it starts over.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import ssl
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_error_message
from pix2pix_tf.version import __version__

TIMEOUT = 30.0  # seconds without an answer, or without a byte
_CHUNK = 1 << 16


@dataclass(frozen=True)
class _Known:
    """Known properties of a file that is being fetched."""

    url: str
    size: int | None = None
    etag: str | None = None
    modified: str | None = None

    @property
    def validator(self) -> str | None:
        """The value for `If-Range`; a weak ETag is not used, since it does not identify bytes."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return self.modified


def fetch(
    url: str,
    part: Path,
    advance: Callable[[int, int | None], None] = lambda done, total: None,
    *,
    space_for: Callable[[int], int] = lambda size: size,
    timeout: float = TIMEOUT,
) -> None:
    """Fetches a file, or the rest of it after an interrupted attempt.

    Args:
        url: An http or https address.
        part: The file to write, which is complete when this returns. After an interruption the
            fetched part is kept.
        advance: Called with the number of bytes fetched and the total number of bytes, None if the
            server does not send it.
        space_for: Function from the size of the file to the number of bytes of disk that the caller
            needs in total.
        timeout: Seconds without an answer or a byte after which the connection counts as cut.

    Raises:
        UserError: The host cannot be reached or does not have the file, the connection was cut, or
            the disk is too full.
    """
    known = _recall(part)
    if known.url != url:
        forget(part)
        known = _Known(url)
    have = part.stat().st_size if part.exists() else 0
    if have and have == known.size:
        return
    response = _open(known, have, timeout)
    if response is not None and not _continues(response, known, have) and response.status != 200:
        response.close()  # the server sent part of another version
        response = None
    if response is None or response.status == 200:
        forget(part)
        have = 0
        response = response or _open(_Known(url), 0, timeout)
        if response is None or response.status != 200:
            raise UserError(f"{url} cannot be fetched: the server sends a part, not the file")
        known = _described(url, response)
    with response:
        if known.size is not None:
            _refuse_full_disk(part, space_for(known.size) - have, url)
        _remember(part, known)  # written first, because bytes without it are not continued
        done = _receive(response, part, have, known, advance)
    if known.size is not None and done < known.size:
        raise UserError(_cut(url, done, known.size, "it closed the connection"))
    _remember(part, replace(known, size=done))  # marks it as complete, also if the size was unknown


def forget(part: Path) -> None:
    """Removes a file that `fetch` wrote, complete or not, and its FILE.json."""
    part.unlink(missing_ok=True)
    _beside(part).unlink(missing_ok=True)


def _open(known: _Known, have: int, timeout: float) -> http.client.HTTPResponse | None:
    """Returns the server's response; None if the requested range does not exist."""
    headers = {"User-Agent": f"pix2pix-tf/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if known.validator:
            headers["If-Range"] = known.validator
    try:
        return urlopen(Request(known.url, headers=headers), timeout=timeout)
    except HTTPError as error:
        error.close()
        if error.code == 416 and have:
            return None
        if error.code in (404, 410):
            raise UserError(
                f"{known.url} is not there (HTTP {error.code}): hosts move; "
                "give another address with --url"
            ) from error
        raise UserError(
            f"{known.url} cannot be fetched: the server answers HTTP {error.code} "
            f"{_plain(error.reason)}"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise UserError(
            f"{known.url} cannot be reached ({_reason(error)}): try again later, or give another "
            "address with --url"
        ) from error
    except ValueError as error:  # by http.client for spaces, by urllib for unclosed brackets
        raise UserError(f"{known.url} is no address that can be fetched: {error}") from error


def _continues(response: http.client.HTTPResponse, known: _Known, have: int) -> bool:
    """Whether the response is the rest of the same version of the fetched part."""
    if response.status != 206 or not have:
        return False
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if span is None or int(span[1]) != have:
        return False
    now = _described(known.url, response)
    total = None if span[2] == "*" else int(span[2])
    same = [
        before == after
        for before, after in (
            (known.size, total),
            (known.etag, now.etag),
            (known.modified, now.modified),
        )
        if before is not None and after is not None
    ]
    return bool(same) and all(same)


def _described(url: str, response: http.client.HTTPResponse) -> _Known:
    length = response.headers.get("Content-Length", "")
    return _Known(
        url,
        size=int(length) if length.isdecimal() and response.status == 200 else None,
        etag=response.headers.get("ETag"),
        modified=response.headers.get("Last-Modified"),
    )


def _receive(
    response: http.client.HTTPResponse,
    part: Path,
    have: int,
    known: _Known,
    advance: Callable[[int, int | None], None],
) -> int:
    """Appends the response to the file and returns the number of bytes fetched."""
    done = have
    advance(done, known.size)
    try:
        file: IO[bytes] = part.open("ab")
    except OSError as error:
        raise _write_error_message(part, error) from error
    with file:
        while True:
            try:
                chunk = response.read(_CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise UserError(_cut(known.url, done, known.size, _reason(error))) from error
            if not chunk:
                return done
            try:
                file.write(chunk)
            except OSError as error:
                raise _write_error_message(part, error) from error
            done += len(chunk)
            advance(done, known.size)


def _refuse_full_disk(part: Path, needed: int, url: str) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise UserError(
            f"{part.parent.absolute()} has {_megabytes(free)} of disk free, and {url} needs about "
            f"{_megabytes(needed)} to be fetched and unpacked: make room, or give --output a "
            "folder on another disk"
        )


def _cut(url: str, done: int, size: int | None, why: str) -> str:
    total = "" if size is None else f" of {_megabytes(size)}"
    return f"{url} was cut after {_megabytes(done)}{total} ({why}): run the same command to resume"


def _write_error_message(part: Path, error: OSError) -> UserError:
    sentence = write_error_message(part, error.strerror or str(error))
    return UserError(f"{sentence}; run the same command to resume")


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, URLError) else error
    if isinstance(inner, TimeoutError):
        return "no answer in time"
    if isinstance(inner, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {inner.verify_message}"
    return _plain(getattr(inner, "strerror", None) or inner) or type(inner).__name__


def _plain(text: object) -> str:
    """Converts a server's text to one line without control characters."""
    return "".join(c for c in " ".join(str(text).split()) if c.isprintable())


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _beside(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _recall(part: Path) -> _Known:
    try:
        return _Known(**json.loads(_beside(part).read_text()))
    except (OSError, ValueError, TypeError):  # it does not exist or is damaged
        return _Known("")


def _remember(part: Path, known: _Known) -> None:
    fresh = _beside(part).with_suffix(".json.new")
    try:
        fresh.write_text(json.dumps(asdict(known)))
        fresh.replace(_beside(part))
    except OSError as error:
        raise _write_error_message(part, error) from error
