"""Prediction of word ratings."""
