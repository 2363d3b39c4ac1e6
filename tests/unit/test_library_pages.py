"""What is let go of libraries: nothing that exists only here, and nothing that does not come back."""

import subprocess
import sys

from replenish_server.library_pages import clean_mappings

MAPS = """\
7f0000000000-7f0000001000 r--p 00000000 fe:01 11 /usr/lib/libone.so.3
Rss:                   4 kB
Anonymous:             0 kB
7f0000001000-7f0000003000 r-xp 00001000 fe:01 11 /usr/lib/libone.so.3
Rss:                   8 kB
Anonymous:             0 kB
7f0000003000-7f0000004000 r--p 00003000 fe:01 11 /usr/lib/libone.so.3
Anonymous:             4 kB
7f0000004000-7f0000005000 rw-p 00004000 fe:01 11 /usr/lib/libone.so.3
Anonymous:             0 kB
7f0000005000-7f0000006000 r--s 00000000 fe:01 12 /home/replenish.db-shm
Anonymous:             0 kB
7f0000006000-7f0000007000 r--p 00000000 fe:01 13 /usr/lib/locale/C.utf8/LC_CTYPE
Anonymous:             0 kB
7f0000007000-7f0000008000 r--p 00000000 00:00 0 
Anonymous:             0 kB
7f0000008000-7f0000009000 r-xp 00000000 fe:01 14 /a folder/_core.cpython-311-x86_64-linux-gnu.so
Anonymous:             0 kB
"""  # noqa: W291 - as the kernel writes it

USED = """
import hashlib, sqlite3, ssl, numpy
from pathlib import Path
from replenish_server import library_pages

def text_kib():
    return sum(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines()
               if line.startswith("RssFile:"))

def use():
    ssl.create_default_context()
    at = sqlite3.connect(":memory:").execute("SELECT 6 * 7").fetchone()[0]
    return at, hashlib.sha256(b"a").hexdigest(), float(numpy.linalg.inv(numpy.eye(3) * 2)[0, 0])

first, before = use(), text_kib()
mappings = library_pages.releasable_mappings()
assert sum(end - begin for begin, end in mappings) > 2**20
library_pages.release(mappings)
after = text_kib()
assert use() == first
print(before, after)
"""


def test_only_what_no_one_can_write_and_no_one_wrote_is_let_go() -> None:
    """Addresses that the loader wrote exist nowhere else; what is no library may be unmapped meanwhile."""
    assert clean_mappings(MAPS) == [
        (0x7F0000000000, 0x7F0000001000),
        (0x7F0000001000, 0x7F0000003000),
        (0x7F0000008000, 0x7F0000009000),
    ]


def test_libraries_work_on_with_fewer_pages() -> None:
    """In a process of its own: what it uses again comes back by itself."""
    ran = subprocess.run([sys.executable, "-c", USED], capture_output=True, text=True, check=True)
    before, after = map(int, ran.stdout.split())
    assert after < before / 2
