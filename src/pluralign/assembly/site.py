"""Running the site: preparing its database, serving its pages, working through its background tasks. Prints nothing."""

from collections.abc import Callable
from typing import Any

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

from pluralign.assembly.settings import Site, configure

THREADS = 32
"""Requests answered at once. A dialogue that is streaming holds one."""


def prepare(site: Site, *, example: bool = True) -> None:
    """Bring the database up to date and collect static files; on an empty database plant the example."""
    site.folder.mkdir(parents=True, exist_ok=True)
    configure(site)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    if example:
        plant_example()


def plant_example() -> bool:
    """Plant the example if there is no assembly yet. Returns whether it was planted."""
    from pluralign.assembly.models import Assembly
    from pluralign.assembly.services import organising, seeding

    if Assembly.objects.exists():
        return False
    seeding.plant(seeding.example(), organising.first_organiser())
    return True


def organiser_link(site: Site) -> str:
    """Where the person who runs this installation comes in; works once, within a day."""
    from pluralign.assembly.services import organising

    address = site.public_url or "http://127.0.0.1:8000"
    return f"{address}/organise/enter/#{organising.entry_token(organising.first_organiser())}"


def application(site: Site) -> Any:
    """The site as a WSGI application, for any server."""
    configure(site)
    return get_wsgi_application()


def serve(site: Site, *, host: str, port: int, threads: int = THREADS, ready: Callable[[], None] | None = None) -> None:
    """Serve until stopped."""
    import waitress

    server = waitress.create_server(
        application(site),
        host=host,
        port=port,
        threads=threads,
        ident=None,
        channel_timeout=120,
        connection_limit=1000,
        max_request_body_size=6 * 1024 * 1024,
        clear_untrusted_proxy_headers=False,
    )
    if ready is not None:
        ready()
    try:
        server.run()
    finally:
        server.close()


def work(site: Site, *, until_empty: bool = False, interval: float = 1.0) -> None:
    """Work through background tasks: until stopped, or until none is left."""
    configure(site)
    call_command("db_worker", batch=until_empty, interval=interval, startup_delay=False, reload=False, verbosity=0)
