"""Many configs with many seeds: plan, run on one machine or many, read the results."""
