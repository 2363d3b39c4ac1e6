"""How a board becomes a household's: Wi-Fi and a claim code in, a credential of its own out."""
