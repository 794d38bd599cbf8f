"""The report page of runs: from a disk, or served while they train."""
