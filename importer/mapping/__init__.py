"""The mapping language: reading mapping files and applying them to source tables."""
