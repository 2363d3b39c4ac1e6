"""Many threads that start at the same moment."""

import threading
from collections.abc import Callable


def at_once(works: list[Callable[[], None]]) -> None:
    """Let all of them run at the same moment; the first failure is ours."""
    failed: list[BaseException] = []
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        gate.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test must fail with it
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    if failed:
        raise failed[0]
