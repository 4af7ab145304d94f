"""Speed: several programs measured in turns, within one run on one machine.

    spread.py        medians, quartiles, ratios round by round
    worker.py        a process that keeps something warm and does it so and so often when told
    workloads.py     the other end: such processes, and commands, as things to be measured
    rounds.py        the turns: A B C A B C, after warming up
    flops.py         the work of networks, counted from their layers
    machine.py       what it was measured on
    works.py         what of this package is measured; ours.py is the worker that holds it
    running.py       `pix2pix-tf benchmark`

The first three need the standard library alone, for workers in environments of other programs
(`benchmarks/` of the repository).
"""
