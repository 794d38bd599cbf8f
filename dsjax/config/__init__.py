"""What a run is: its config's schema, and reading it."""
