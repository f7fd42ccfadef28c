"""Measure how far language models represent emotion as people do."""

__version__ = "0.1.0"
