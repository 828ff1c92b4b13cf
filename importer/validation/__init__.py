"""The API's contract, checked before anything is sent, and what the mapping's policies make of the problems."""
