"""The named transforms of the mapping language, and what they know of phones, names, countries, and addresses."""
