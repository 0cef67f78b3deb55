"""Cells of tables that spreadsheet programs open. Knows no table."""


def safe_cell(text: str) -> str:
    """The text so that no program runs it: what one would take for a formula begins with an apostrophe.

    >>> safe_cell("=1+1")
    "'=1+1"
    >>> safe_cell("1+1")
    '1+1'
    """
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
