"""From texts to codes to emotion features."""
