"""Trained controllers: load, evaluate, score and record them."""
