"""The conversation with the broker, over plain sockets."""
