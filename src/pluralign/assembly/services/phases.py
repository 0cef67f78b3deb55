"""Moving an assembly through its phases, one step at a time, and holding people to what a phase opens.

What each phase opens stands in `models.assemblies.OPENS`. Moving takes nothing away: what was closed can be opened
again by moving back.
"""

from django.db import transaction

from pluralign.assembly.models import OPENS, Assembly, AuditEntry, Deed, Person, Phase
from pluralign.assembly.services import audit
from pluralign.assembly.services.joining import Refused
from pluralign.assembly.services.setup import ready_to_open

ORDER: tuple[str, ...] = tuple(Phase.values)


def neighbours(phase: str) -> tuple[str | None, str | None]:
    """The phase before and the phase after; None at the ends."""
    place = ORDER.index(phase)
    return (ORDER[place - 1] if place else None, ORDER[place + 1] if place + 1 < len(ORDER) else None)


def move(assembly: Assembly, to: str, *, by: Person, seen: str, note: str = "") -> Assembly:
    """Move to the phase before or after. ``seen`` is the phase that the one who moves saw.

    Raises :class:`Refused` for a jump, where somebody has moved it meanwhile, or where something is missing to begin.
    """
    with transaction.atomic():
        now = Assembly.objects.select_for_update().get(pk=assembly.pk)
        if now.phase != seen:
            raise Refused(f"Somebody has moved the assembly meanwhile: it stands at “{Phase(now.phase).label}”.")
        if to not in neighbours(now.phase):
            raise Refused("An assembly moves one step at a time.")
        missing = ready_to_open(now) if Deed.JOIN in OPENS[to] else []
        if missing:
            raise Refused(" ".join(missing))
        before, now.phase = now.phase, to
        now.save(update_fields=["phase"])
        audit.record("phase.move", person=by, assembly=now, before=before, after=to, note=note.strip()[:300])
        return now


def history(assembly: Assembly) -> list[AuditEntry]:
    """Who moved it when, the latest first."""
    return list(assembly.audit.filter(action="phase.move").select_related("person"))
