"""A person rewards one walker by hand, in a page that shows its weights while they oscillate and learn."""
