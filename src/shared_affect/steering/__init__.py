"""Vectors, texts written under them, judges and scores."""
