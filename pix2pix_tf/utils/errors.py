"""Exceptions whose messages are written for the user, and their exit codes."""

from __future__ import annotations

from collections.abc import Sequence


class UserError(Exception):
    """An error in what the user provided: an argument, a file or a config.

    The message is shown to the user unchanged. It says what was wrong, where, what was expected
    and what to do. The command line prints it without a traceback and exits with code 2.

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
        problems: Messages, one per problem.

    Raises:
        UserError: `problems` is not empty.
    """
    if problems:
        raise UserError("\n".join(problems))


class WorkerLostError(Exception):
    """Another worker of the cluster was lost, and this one cannot continue training without it.

    The message names the lost worker. The command line prints it and exits with `exit_code`, which
    tells a scheduler that the same command can be started again.
    """

    exit_code = 75  # EX_TEMPFAIL of sysexits.h
