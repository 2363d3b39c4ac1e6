"""PURE (numpy): how long a stock will last, and when a slot without a sensor will be wanted again."""
