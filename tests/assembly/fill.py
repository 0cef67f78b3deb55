"""``python -m tests.assembly.fill FOLDER SLUG PEOPLE``: people who judge all there is, on a site that is running."""

import sys
from pathlib import Path

from pluralign.assembly.settings import configure
from pluralign.cli.assembly import site


def main(folder: str, slug: str, people: str) -> None:
    """Fill an assembly of the site in a folder by its services, as many requests would."""
    configure(site(Path(folder)))
    from pluralign.assembly.models import Assembly
    from tests.assembly import crowd

    crowd.people(Assembly.objects.get(slug=slug), int(people))


if __name__ == "__main__":
    main(*sys.argv[1:])
