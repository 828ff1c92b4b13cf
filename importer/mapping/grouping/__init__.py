"""Groups rows into customers with addresses and contacts."""
