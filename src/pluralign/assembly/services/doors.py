"""Whether a phase opens something to a participant now. Asked in the transaction of the deed, not only by its page."""

from pluralign.assembly.models import OPENS, Assembly, Deed, Participation


class ClosedError(Exception):
    """The assembly has moved on; what was given before is kept."""


def must_be_open(mine: Participation, deed: Deed) -> None:
    """Raises :class:`ClosedError` where the assembly's phase, as it is stored now, does not open the deed."""
    phase = Assembly.objects.values_list("phase", flat=True).get(pk=mine.assembly_id)
    if deed not in OPENS[phase]:
        raise ClosedError(deed)
