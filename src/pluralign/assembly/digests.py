"""Keyed digests and secrets that people are given. What is stored can be compared with, never turned back.

Every digest is HMAC-SHA-256 under a key derived from the site's secret and the digest's purpose.
"""

import re
import secrets

from django.utils.crypto import constant_time_compare, salted_hmac

# Without letters that are taken for others: no I, L, O, U, 0, 1.
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_GROUPS, _GROUP = 5, 4


def digest(purpose: str, text: str) -> str:
    """64 hexadecimal digits."""
    return salted_hmac(f"pluralign.assembly.{purpose}", text, algorithm="sha256").hexdigest()


def email_digest(address: str) -> str:
    """Of an address; letters' case and spaces around do not count."""
    return digest("email", address.strip().casefold())


def new_return_code() -> str:
    """A code to come back with: 20 letters of 30, 98 random bits, in groups of four."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def return_code_of(secret: str) -> str:
    """The return code that belongs to a browser's secret: the same for the same secret, else as good as a new one."""
    number = int(digest("return code", secret), 16)
    letters = []
    for _ in range(_GROUPS * _GROUP):
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return "-".join("".join(letters[start : start + _GROUP]) for start in range(0, len(letters), _GROUP))


def return_digest(code: str) -> str:
    """Of a return code as somebody typed it: case, spaces and dashes do not count."""
    return digest("return", re.sub(r"[\s-]+", "", code).upper())


def new_login_code() -> str:
    """Six random digits."""
    return f"{secrets.randbelow(1_000_000):06d}"


def same(one: str, other: str) -> bool:
    """Whether two digests are equal, in a time that does not tell where they differ."""
    return constant_time_compare(one, other)
