"""Checking the API's contract before anything is sent, and applying the mapping's policies to the problems."""
