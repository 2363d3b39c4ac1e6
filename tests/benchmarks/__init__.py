"""Benchmarks: figures as ratios against a baseline of the same run, never pass or fail by the clock."""
