"""Concept-sets and what is known of words without asking people how they feel."""
