"""What people of a community wrote, whatever file it came in: threads of posts. Knows no file and no recipe."""

from typing import NamedTuple


class Post(NamedTuple):
    """One thing that one person wrote at one time."""

    id: str
    """Unique within its thread."""
    author: str
    """As the file names them; empty where it does not. Never leaves the recipe."""
    text: str
    answers: str = ""
    """Id of the post it replies to; empty: the one before it, if any."""


class Thread(NamedTuple):
    """A document, a conversation or a discussion."""

    id: str
    """``FILE`` or ``FILE#NAME``: what a record's parents say."""
    title: str
    posts: tuple[Post, ...]
    """In the order in which they were written; a document is a single one."""
