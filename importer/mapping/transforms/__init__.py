"""The named transforms of the mapping language, and their data about phones, names, countries, and addresses."""
