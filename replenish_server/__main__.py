"""`python -m replenish_server` is the `replenish` command."""

from replenish_server.cli import main

main()
