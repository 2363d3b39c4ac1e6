"""MQTT in: a session that acknowledges after commit, the wire codec, the batch writer, the quarantine."""
