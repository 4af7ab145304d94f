from collections.abc import Sequence


class UserError(Exception):
    """Something the user gave cannot be used.

    The message is for the user as it stands: what was wrong, where, what was expected, what to do.
    The command line prints it without a traceback and ends with exit code 2.
    """


def raise_problems(problems: Sequence[str]) -> None:
    """Raises a `UserError` of all these sentences, a line each; nothing if there are none."""
    if problems:
        raise UserError("\n".join(problems))


class WorkerLostError(Exception):
    """A worker of the cluster is gone, and this one cannot train on without it.

    The message names it. The command line prints it and ends with `exit_code`, upon which a
    scheduler may start the same command again: nobody did anything wrong.
    """

    exit_code = 75  # EX_TEMPFAIL of sysexits.h
