"""The little of `unittest` that the core tests use, because MicroPython has none."""

import sys

import __main__


class _Raises:
    def __init__(self, error):
        self._error = error

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            raise AssertionError("did not raise " + self._error.__name__)
        return issubclass(kind, self._error)


class TestCase:
    def assertEqual(self, first, second):
        if first != second:
            raise AssertionError(f"{first!r} != {second!r}")

    def assertTrue(self, value):
        if not value:
            raise AssertionError(f"{value!r} is not true")

    def assertFalse(self, value):
        if value:
            raise AssertionError(f"{value!r} is not false")

    def assertIsNone(self, value):
        if value is not None:
            raise AssertionError(f"{value!r} is not None")

    def assertLessEqual(self, first, second):
        if not first <= second:
            raise AssertionError(f"{first!r} > {second!r}")

    def assertRaises(self, error):
        return _Raises(error)


def main():
    """Run every test of every TestCase of the calling file; exit 1 when one fails, or when there is none."""
    ran, failed = 0, 0
    module = __main__
    for name in dir(module):
        case = getattr(module, name)
        if not isinstance(case, type) or not issubclass(case, TestCase):
            continue
        for test in dir(case):
            if test.startswith("test_"):
                ran += 1
                try:
                    getattr(case(), test)()
                except Exception as error:
                    failed += 1
                    print("FAIL", name, test)
                    sys.print_exception(error)
    print("ran", ran, "failed", failed)
    sys.exit(1 if failed or not ran else 0)
