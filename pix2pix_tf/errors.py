class UserError(Exception):
    """Something the user gave cannot be used.

    The message is for the user as it stands: what was wrong, where, what was expected, what to do.
    The command line prints it without a traceback and ends with exit code 2.
    """
