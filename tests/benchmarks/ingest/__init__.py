"""`make bench-ingest`: our ingest beside a straight reader in the same run, and every goal of the fleet."""
