"""From a run's tables to statistics: stats, member histories, comparisons."""
