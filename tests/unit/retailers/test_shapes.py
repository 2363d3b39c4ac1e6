"""What strangers send is read by many threads from the first moment on."""

import subprocess
import sys

_RACE = """
import sys, threading
import msgspec
from replenish_server.retailers.ucp import catalog, documents, profile, webhooks

shapes = [
    shape
    for module in (catalog, documents, profile, webhooks)
    for shape in vars(module).values()
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct) and shape.__struct_fields__
]
assert len(shapes) > 20
sys.setswitchinterval(1e-6)


def convert(shape, together):
    together.wait()
    try:
        msgspec.convert(dict.fromkeys(shape.__struct_encode_fields__), shape)
    except msgspec.ValidationError:
        pass


for shape in shapes:
    together = threading.Barrier(8)
    threads = [threading.Thread(target=convert, args=(shape, together)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_threads_that_read_a_shape_for_the_first_time_together_live() -> None:
    """In a process of its own: without `work_out` it ended by a segmentation fault, every time."""
    ran = subprocess.run([sys.executable, "-c", _RACE], check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
