"""Draft a mapping for a file without one, from its headers (with lexicons) and its values."""
