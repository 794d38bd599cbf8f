"""Walkers behind one vector-env interface."""
