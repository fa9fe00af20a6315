"""Classical strategies: the peers that every other one has to beat."""
