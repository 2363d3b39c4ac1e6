"""What the broker reads: listeners, access rules, persistence and limits, each option with its reason."""
