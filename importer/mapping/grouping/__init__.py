"""Rows grouped into customers with addresses and contacts."""
