"""Defects of the program itself: a sentence for the page, and with ``IMPORTER_DEBUG=1`` the place on stderr."""

import os
import sys
import traceback

from importer.errors import InternalError


def defect(error: BaseException) -> InternalError:
    """What the page says about an unexpected exception: not its text, which may hold a customer's data."""
    if os.environ.get("IMPORTER_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    message = f"something went wrong inside the importer: {type(error).__name__}"
    return InternalError(message, "This is a defect, not your data's fault. IMPORTER_DEBUG=1 shows where it happened.")
