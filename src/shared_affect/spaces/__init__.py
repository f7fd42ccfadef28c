"""Emotion spaces and their comparison with people."""
