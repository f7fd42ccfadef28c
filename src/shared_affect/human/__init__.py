"""Human data: readers, downloads, one standard form."""
