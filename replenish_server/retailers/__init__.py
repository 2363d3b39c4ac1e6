"""One port, several adapters: how an order reaches a shop."""
