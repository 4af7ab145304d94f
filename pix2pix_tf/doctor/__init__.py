"""Examination of an installation: what is there, what is missing, and whether a training works.

`examine` puts it together: the `system`, the packages of `libraries`, `devices`, and trials by
`worker`, a process of its own for each, so that what ends a process is a finding too.
"""
