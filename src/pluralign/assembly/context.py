"""What every template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language, get_language_info


def site(request: HttpRequest) -> dict[str, Any]:
    """Languages to choose from, and whether a model asks."""
    del request
    configured = settings.PLURALIGN
    return {
        "languages": settings.LANGUAGES,
        "reading_direction": "rtl" if get_language_info(get_language() or "en")["bidi"] else "ltr",
        "has_model": bool(configured.engine or configured.engine_instance),
    }
