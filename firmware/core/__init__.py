"""PURE: what the firmware decides. Integers only; time and random numbers are arguments."""
