"""Published tables, claims and figures."""
