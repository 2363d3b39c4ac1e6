"""The `replenish` command, which is `python -m replenish_server` as well."""

import sys

from replenish_server.failures import explain_failure
from replenish_server.interpreter import SERVER_FILES, begin_to_load, open_many_files


def main() -> None:
    """Run what the command line says; what goes wrong outside of it is a sentence, and status 2."""
    try:
        _run()
    except Exception as error:
        said = explain_failure(error)
        if said is None:
            raise
        print(said, file=sys.stderr)
        sys.exit(2)


def _run() -> None:
    """A server is not started through the others' library: it would stay."""
    if sys.argv[1:2] == ["serve"]:
        begin_to_load()
        open_many_files(SERVER_FILES)
        from replenish_server.serve import serve

        serve(sys.argv[2:])
    else:
        from replenish_server.cli.main import main as run_command

        run_command()


if __name__ == "__main__":
    main()
