"""Another process of the site that the tests look at: ``python -m tests.assembly.another_process DATABASE TIMES``.

Types a wrong return code so often and writes what each got.
"""

import importlib
import sys


def main(name: str, times: int) -> None:
    """Answer in this process, on the tests' database."""
    importlib.import_module("tests.assembly.conftest")  # sets the same site up
    from django.conf import settings
    from django.db import connections
    from django.test import Client
    from django.test.utils import setup_test_environment

    setup_test_environment()
    connections.databases["default"]["NAME"] = name
    settings.RATELIMIT_ENABLE = True
    browser = Client()
    for _ in range(times):
        sys.stdout.write(f"{browser.post('/come-back/', {'code': 'AAAA'}).status_code} ")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
