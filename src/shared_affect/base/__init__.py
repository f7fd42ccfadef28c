"""Files, seeds, logs, the journal, statistics: what every stage needs and what knows none of them."""
