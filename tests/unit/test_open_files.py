"""What a process asks of the system before it serves."""

import resource
import subprocess
import sys

import pytest

ASK = (
    "import resource; from replenish_server.interpreter import open_many_files;"
    "resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard})); open_many_files({most});"
    "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
)


@pytest.mark.parametrize(
    ("soft", "hard", "most", "after"),
    [(256, 1000, 900, 900), (256, 1000, 5000, 1000), (256, 256, 5000, 256), (900, 1000, 500, 900)],
)
def test_a_process_opens_as_many_files_as_it_may(soft: int, hard: int, most: int, after: int) -> None:
    """A login shell begins with 1,024 of far more; with as many connections a broker refused the next one."""
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= hard
    code = ASK.format(soft=soft, hard=hard, most=most)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(said.stdout) == after
