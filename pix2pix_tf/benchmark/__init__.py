"""Speed benchmarks: several programs timed in alternation, on one machine.

    quartiles.py              medians, quartiles, ratios taken round by round
    worker.py                 the worker's side: keeps workloads warm and runs them on request
    workloads.py              the benchmark's side: worker processes and commands to be timed
    rounds.py                 alternation, A B C A B C, after warming up
    machine.py                description of the machine, and whether it is busy
    training_workloads.py     training steps and the input pipeline
    inference_workloads.py    translations
    convolution_workload.py   the fastest convolution of the machine
    package_worker.py         the worker process that runs these three
    runner.py, report.py      `pix2pix-tf benchmark`

Workers in environments of other programs (`benchmarks/` of the repository) import only `worker.py`,
which needs only the standard library.
"""
