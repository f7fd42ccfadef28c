"""What a study claims, and when each claim holds: families of tests, rules, the table of claims, verdicts, the page."""
