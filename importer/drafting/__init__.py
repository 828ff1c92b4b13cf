"""Draft a mapping for a file that nobody has mapped: from its headers, by lexicons, and from its values."""
