"""Films of walkers."""
