"""Writing down what was done."""

from typing import Any

from pluralign.assembly.models import Assembly, AuditEntry, Person


def record(
    action: str, *, person: Person | None, assembly: Assembly | None = None, subject: str = "", **detail: Any
) -> AuditEntry:
    """Keep a deed. Call it in the transaction of the deed, so that neither is there without the other."""
    return AuditEntry.objects.create(action=action, person=person, assembly=assembly, subject=subject, detail=detail)
