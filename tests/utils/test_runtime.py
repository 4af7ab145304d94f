import os
import platform
import subprocess
import sys

import pytest

SIZE = 2**26
PAGES_ASKED_FOR_AGAIN = """
import resource, sys
from pix2pix_tf.utils.runtime import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

size = int(sys.argv[1])
keep_freed_memory()
for _ in range(2):
    before = faults()
    for _ in range(4):
        b"x" * size
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="elsewhere nothing is set")
@pytest.mark.parametrize("own", [{}, {"MALLOC_MMAP_MAX_": "65536"}])
def test_freed_memory_is_kept_unless_the_environment_has_settings_of_its_own(own):
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", PAGES_ASKED_FOR_AGAIN, str(SIZE)],
        env={**variables, **own},
        capture_output=True,
        text=True,
        check=True,
    )
    asked_for = 4 * SIZE / os.sysconf("SC_PAGE_SIZE")
    assert (int(done.stdout) > asked_for / 2) == bool(own)
