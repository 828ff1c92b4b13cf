"""The mapping language: files, model, inheritance, JSON Schema, and explanations in plain English."""
