"""Paths that begin with ~, where no shell has expanded them."""

from __future__ import annotations

import os


def expand_home(path: str) -> str:
    """A path as a shell expands it: ~ and ~user at its start, and no variables.

    A user that the system does not know is left as typed, and so is `./~`, a folder of that name.
    """
    return os.path.expanduser(path)  # noqa: PTH111  # Path.expanduser fails for unknown users
