"""The `replenish` command: each module owns one group of subcommands, and `main` puts them together."""
