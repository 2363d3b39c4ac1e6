"""The `replenish` command, which is `python -m replenish_server` as well."""

import sys

from replenish_server.interpreter import begin_to_load


def main() -> None:
    """Run what the command line says. A server is not started through the others' library: it would stay."""
    if sys.argv[1:2] == ["serve"]:
        begin_to_load()
        from replenish_server.serve import serve

        serve(sys.argv[2:])
    else:
        from replenish_server.cli import main as run_command

        run_command()


if __name__ == "__main__":
    main()
