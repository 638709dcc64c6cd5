"""PORTAL_WHOLE=1: the tests that are shortened for CI run whole; that takes half an hour."""

import os

WHOLE = os.environ.get("PORTAL_WHOLE") == "1"
