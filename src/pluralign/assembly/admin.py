"""What Django's admin shows: what organisers set up and what was done. No dialogue, no card of a person, no vote."""

from django.contrib.admin import ModelAdmin, TabularInline
from django.http import HttpRequest

from pluralign.assembly.admin_site import site
from pluralign.assembly.models import (
    Assembly,
    AuditEntry,
    CanonicalValue,
    Context,
    Membership,
    Question,
    Recruitment,
    Story,
)


class Questions(TabularInline):
    """The questions of an assembly."""

    model = Question
    extra = 0


class Contexts(TabularInline):
    """The contexts of an assembly."""

    model = Context
    extra = 0


class AssemblyAdmin(ModelAdmin):
    """An assembly with its questions and contexts."""

    list_display = ("title", "slug", "phase", "is_public")
    # Changed on the settings' page, where another version begins and people are asked anew.
    readonly_fields = ("consent_text", "consent_version")
    inlines = (Questions, Contexts)


class RecruitmentAdmin(ModelAdmin):
    """Recruitment links, with their secret part."""

    list_display = ("name", "assembly", "token", "is_open")
    readonly_fields = ("token",)


class MembershipAdmin(ModelAdmin):
    """Who is in which team. Who reads conversations is said on the team's page, where it is written down."""

    list_display = ("person", "assembly", "role", "reads_transcripts")
    readonly_fields = ("reads_transcripts",)


class ValueAdmin(ModelAdmin):
    """Values of the graph."""

    list_display = ("title", "question", "status", "is_seed")
    list_filter = ("status", "is_seed")
    exclude = ("embedding", "embedding_model", "content_hash")


class StoryAdmin(ModelAdmin):
    """Stories, whose text is never rewritten."""

    list_display = ("transition", "language", "author", "status")
    list_filter = ("status", "author")
    readonly_fields = ("transition", "language", "version", "text", "author")


class AuditAdmin(ModelAdmin):
    """What was done by whom: to be read, not changed."""

    list_display = ("at", "action", "person", "assembly", "subject")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody writes here by hand."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """Nobody changes what was written."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """Nobody takes it away."""
        del request, obj
        return False


site.register(Assembly, AssemblyAdmin)
site.register(Recruitment, RecruitmentAdmin)
site.register(Membership, MembershipAdmin)
site.register(CanonicalValue, ValueAdmin)
site.register(Story, StoryAdmin)
site.register(AuditEntry, AuditAdmin)
