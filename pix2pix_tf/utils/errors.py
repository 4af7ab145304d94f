"""Exceptions whose message is for the user, and their exit codes."""

from __future__ import annotations

from collections.abc import Sequence


class UserError(Exception):
    """Something the user gave cannot be used.

    The message is for the user as it is: what was wrong, where, what was expected, what to do. The
    command line prints it without a traceback and ends with exit code 2.

    Example:
        >>> from pix2pix_tf import UserError, load_config
        >>> try:
        ...     load_config("sample", {"training.step": 100})
        ... except UserError as error:
        ...     print(error)
        sample: training.step: unknown key; did you mean training.steps?
    """


def raise_problems(problems: Sequence[str]) -> None:
    """Raises a `UserError` with a line for each problem, if there are any.

    Args:
        problems: Messages.

    Raises:
        UserError: There are some.
    """
    if problems:
        raise UserError("\n".join(problems))


class WorkerLostError(Exception):
    """A worker of the cluster is gone, and this one cannot continue training without it.

    The message names it. The command line prints it and ends with `exit_code`, upon which a
    scheduler may start the same command again: nothing is wrong with the command.
    """

    exit_code = 75  # EX_TEMPFAIL of sysexits.h
