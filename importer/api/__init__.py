"""The WizCommerce API as the importer sees it: one client, one limiter, and every response as a value."""

from importer.api.answers import Answer, AnswerKind
from importer.api.client import Client
from importer.api.limiter import Limiter, Turns
from importer.api.lookup import CustomerRef, NoListError, fits_filter
from importer.api.waits import RetryPolicy

__all__ = [
    "Answer",
    "AnswerKind",
    "Client",
    "CustomerRef",
    "Limiter",
    "NoListError",
    "RetryPolicy",
    "Turns",
    "fits_filter",
]
