"""The tables a new site begins with. Written by Django."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import pluralign.assembly.models.people


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Assembly",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=60, unique=True)),
                ("title", models.CharField(max_length=120)),
                ("topic", models.TextField()),
                ("language", models.CharField(default="en", max_length=10)),
                (
                    "phase",
                    models.CharField(
                        choices=[
                            ("propose", "Preparing"),
                            ("elicit", "Collecting values"),
                            ("judge", "Judging"),
                            ("review", "Review"),
                            ("publish", "Published"),
                        ],
                        default="propose",
                        max_length=10,
                    ),
                ),
                ("is_public", models.BooleanField(default=True)),
                ("graph_is_public", models.BooleanField(default=True)),
                ("consent_text", models.TextField(blank=True)),
                ("consent_version", models.PositiveIntegerField(default=1)),
                ("organiser_name", models.CharField(blank=True, max_length=120)),
                ("contact", models.CharField(blank=True, max_length=200)),
                ("cards_per_vote", models.PositiveSmallIntegerField(default=6)),
                ("transitions_per_person", models.PositiveSmallIntegerField(default=8)),
                ("turn_budget", models.PositiveSmallIntegerField(default=8)),
                ("call_budget", models.PositiveIntegerField(default=5000)),
                ("token_budget", models.PositiveBigIntegerField(default=5000000)),
                ("target_participants", models.PositiveIntegerField(default=0)),
                ("privacy_threshold", models.PositiveSmallIntegerField(default=5)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "verbose_name_plural": "assemblies",
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="Dialogue",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("mode", models.CharField(choices=[("model", "Model"), ("form", "Form")], max_length=5)),
                ("state", models.JSONField()),
                ("revision", models.PositiveIntegerField(default=0)),
                ("engine", models.CharField(blank=True, max_length=200)),
                ("prompt_hash", models.CharField(blank=True, max_length=64)),
                ("model_failed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="Draw",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=[("cards", "Cards"), ("transition", "Transition")], max_length=10)),
                ("method", models.CharField(max_length=40)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("none_of_these", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="LoginCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email_digest", models.CharField(db_index=True, max_length=64)),
                ("code_digest", models.CharField(max_length=64)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Story",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveSmallIntegerField(default=1)),
                ("language", models.CharField(max_length=10)),
                ("text", models.TextField()),
                (
                    "author",
                    models.CharField(
                        choices=[
                            ("ai", "Written by an AI"),
                            ("organiser", "Written by the organisers"),
                            ("participant", "Written by a participant"),
                        ],
                        max_length=11,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Shown"), ("waiting", "Waiting for review"), ("retired", "Retired")],
                        default="active",
                        max_length=7,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Person",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "handle",
                    models.CharField(default=pluralign.assembly.models.people.new_handle, max_length=40, unique=True),
                ),
                ("name", models.CharField(blank=True, max_length=120)),
                ("email_digest", models.CharField(blank=True, max_length=64, null=True, unique=True)),
                ("return_digest", models.CharField(blank=True, max_length=64, null=True, unique=True)),
                ("language", models.CharField(blank=True, max_length=10)),
                ("is_staff", models.BooleanField(default=False)),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "people",
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(auto_now_add=True, db_index=True)),
                ("action", models.CharField(max_length=60)),
                ("subject", models.CharField(blank=True, max_length=80)),
                ("detail", models.JSONField(default=dict)),
                ("undone_at", models.DateTimeField(blank=True, null=True)),
                (
                    "assembly",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="audit",
                        to="assembly.assembly",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "ordering": ("-at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="CanonicalValue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=80)),
                ("summary", models.TextField(blank=True)),
                ("description", models.TextField(blank=True)),
                ("policies", models.JSONField(default=list)),
                ("content_hash", models.CharField(max_length=64)),
                ("language", models.CharField(blank=True, max_length=10)),
                ("is_seed", models.BooleanField(default=False)),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("merged", "Merged"), ("hidden", "Hidden")],
                        default="active",
                        max_length=6,
                    ),
                ),
                ("embedding", models.BinaryField(blank=True, null=True)),
                ("embedding_model", models.CharField(blank=True, max_length=80)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "merged_into",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="merged",
                        to="assembly.canonicalvalue",
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="Card",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[("draft", "Draft"), ("submitted", "Submitted"), ("withdrawn", "Withdrawn")],
                        default="draft",
                        max_length=9,
                    ),
                ),
                (
                    "moderation",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("ok", "Accepted"), ("hidden", "Hidden")],
                        default="ok",
                        max_length=7,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("submitted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "canonical",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="cards",
                        to="assembly.canonicalvalue",
                    ),
                ),
                (
                    "dialogue",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="card",
                        to="assembly.dialogue",
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="CardVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("title", models.CharField(blank=True, max_length=80)),
                ("summary", models.TextField(blank=True)),
                ("description", models.TextField(blank=True)),
                ("policies", models.JSONField(default=list)),
                ("verdicts", models.JSONField(default=list)),
                (
                    "author",
                    models.CharField(
                        choices=[("participant", "Participant"), ("ai", "Ai"), ("form", "Form")], max_length=11
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "card",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="versions", to="assembly.card"
                    ),
                ),
            ],
            options={
                "ordering": ("number",),
            },
        ),
        migrations.CreateModel(
            name="Context",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.CharField(max_length=120)),
                ("is_active", models.BooleanField(default=True)),
                (
                    "assembly",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="contexts", to="assembly.assembly"
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="DrawnCard",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField()),
                ("slot", models.CharField(max_length=12)),
                ("propensity", models.FloatField()),
                (
                    "draw",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="cards", to="assembly.draw"
                    ),
                ),
                (
                    "value",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="drawn", to="assembly.canonicalvalue"
                    ),
                ),
            ],
            options={
                "ordering": ("position",),
            },
        ),
        migrations.CreateModel(
            name="DrawnTransition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("propensity", models.FloatField()),
                ("information", models.FloatField()),
                (
                    "draw",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="transition", to="assembly.draw"
                    ),
                ),
                (
                    "story",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to="assembly.story"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("organiser", "Organiser"),
                            ("moderator", "Moderator"),
                            ("analyst", "Analyst"),
                        ],
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "assembly",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="assembly.assembly"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "author",
                    models.CharField(
                        choices=[("participant", "Participant"), ("ai", "Ai"), ("form", "Form")], max_length=11
                    ),
                ),
                ("text", models.TextField()),
                ("stage", models.CharField(max_length=20)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "dialogue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="messages", to="assembly.dialogue"
                    ),
                ),
            ],
            options={
                "ordering": ("position",),
            },
        ),
        migrations.CreateModel(
            name="ModelCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("purpose", models.CharField(max_length=20)),
                ("engine", models.CharField(max_length=200)),
                ("prompt_hash", models.CharField(blank=True, max_length=64)),
                ("tokens", models.PositiveIntegerField(default=0)),
                ("milliseconds", models.PositiveIntegerField(default=0)),
                ("succeeded", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(auto_now_add=True, db_index=True)),
                (
                    "assembly",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="model_calls", to="assembly.assembly"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Participation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("external_digest", models.CharField(blank=True, max_length=64)),
                ("is_simulated", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("dialogue_finished_at", models.DateTimeField(blank=True, null=True)),
                ("votes_finished_at", models.DateTimeField(blank=True, null=True)),
                ("transitions_finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "assembly",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="participations",
                        to="assembly.assembly",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="participations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="draw",
            name="participation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="draws", to="assembly.participation"
            ),
        ),
        migrations.AddField(
            model_name="dialogue",
            name="participation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="dialogues", to="assembly.participation"
            ),
        ),
        migrations.CreateModel(
            name="Consent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField()),
                ("share_card", models.BooleanField(default=True)),
                ("share_reasons", models.BooleanField(default=False)),
                ("share_transcript", models.BooleanField(default=False)),
                ("given_at", models.DateTimeField(auto_now_add=True)),
                (
                    "participation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="consents",
                        to="assembly.participation",
                    ),
                ),
            ],
            options={
                "ordering": ("given_at", "id"),
            },
        ),
        migrations.AddField(
            model_name="card",
            name="participation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="cards", to="assembly.participation"
            ),
        ),
        migrations.CreateModel(
            name="Question",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=60)),
                ("title", models.CharField(max_length=80)),
                ("text", models.TextField()),
                ("order", models.PositiveSmallIntegerField(default=0)),
                ("is_open", models.BooleanField(default=True)),
                (
                    "assembly",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="questions", to="assembly.assembly"
                    ),
                ),
            ],
            options={
                "ordering": ("order", "id"),
            },
        ),
        migrations.CreateModel(
            name="Judgement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("pair", models.CharField(max_length=48)),
                ("relationship", models.CharField(max_length=10)),
                ("reason", models.TextField(blank=True)),
                ("moderation", models.CharField(default="ok", max_length=7)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "candidate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="judged_to",
                        to="assembly.canonicalvalue",
                    ),
                ),
                (
                    "context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="judgements", to="assembly.context"
                    ),
                ),
                (
                    "drawn",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="judgement",
                        to="assembly.drawntransition",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="judged_from",
                        to="assembly.canonicalvalue",
                    ),
                ),
                (
                    "participation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="judgements",
                        to="assembly.participation",
                    ),
                ),
                (
                    "question",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="judgements", to="assembly.question"
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.AddField(
            model_name="draw",
            name="question",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="draws", to="assembly.question"
            ),
        ),
        migrations.AddField(
            model_name="dialogue",
            name="question",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="dialogues", to="assembly.question"
            ),
        ),
        migrations.AddField(
            model_name="context",
            name="questions",
            field=models.ManyToManyField(related_name="contexts", to="assembly.question"),
        ),
        migrations.AddField(
            model_name="card",
            name="question",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="cards", to="assembly.question"
            ),
        ),
        migrations.AddField(
            model_name="canonicalvalue",
            name="question",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="values", to="assembly.question"
            ),
        ),
        migrations.CreateModel(
            name="Recruitment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                (
                    "token",
                    models.CharField(default=pluralign.assembly.models.people.new_link, max_length=40, unique=True),
                ),
                ("id_parameter", models.CharField(default="PROLIFIC_PID", max_length=40)),
                ("signing_key", models.CharField(blank=True, max_length=80)),
                ("return_url", models.URLField(blank=True)),
                ("return_code", models.CharField(blank=True, max_length=40)),
                ("limit", models.PositiveIntegerField(default=0)),
                ("is_open", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "assembly",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="recruitments", to="assembly.assembly"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="participation",
            name="recruitment",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to="assembly.recruitment"
            ),
        ),
        migrations.CreateModel(
            name="SimilarOffer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("distance", models.FloatField()),
                (
                    "answer",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("same", "The same"),
                            ("nearly", "Nearly, mine adds something"),
                            ("different", "Different"),
                        ],
                        max_length=9,
                    ),
                ),
                ("adds", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "card",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="offers", to="assembly.card"
                    ),
                ),
                (
                    "value",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="offers", to="assembly.canonicalvalue"
                    ),
                ),
                ("version", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="assembly.cardversion")),
            ],
            options={
                "ordering": ("distance",),
            },
        ),
        migrations.CreateModel(
            name="StoryFlag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("unrealistic", "Unrealistic"), ("offensive", "Offensive")], max_length=11
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "drawn",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="flags", to="assembly.drawntransition"
                    ),
                ),
                (
                    "participation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="flags", to="assembly.participation"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Transition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "candidate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="transitions_to",
                        to="assembly.canonicalvalue",
                    ),
                ),
                (
                    "context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="transitions", to="assembly.context"
                    ),
                ),
                (
                    "question",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="transitions", to="assembly.question"
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="transitions_from",
                        to="assembly.canonicalvalue",
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.AddField(
            model_name="story",
            name="transition",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="stories", to="assembly.transition"
            ),
        ),
        migrations.AddField(
            model_name="drawntransition",
            name="transition",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="drawn", to="assembly.transition"
            ),
        ),
        migrations.CreateModel(
            name="Vote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "answer",
                    models.CharField(
                        choices=[("wise", "Wise"), ("not_for_me", "Not for me"), ("unsure", "Unsure")], max_length=10
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "drawn",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="vote", to="assembly.drawncard"
                    ),
                ),
                (
                    "participation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="votes", to="assembly.participation"
                    ),
                ),
                (
                    "value",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="votes", to="assembly.canonicalvalue"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="cardversion",
            constraint=models.UniqueConstraint(fields=("card", "number"), name="version_once"),
        ),
        migrations.AddConstraint(
            model_name="drawncard",
            constraint=models.UniqueConstraint(fields=("draw", "position"), name="card_position_once"),
        ),
        migrations.AddConstraint(
            model_name="drawncard",
            constraint=models.UniqueConstraint(fields=("draw", "value"), name="card_drawn_once"),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(fields=("person", "assembly"), name="one_role_each"),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(fields=("dialogue", "position"), name="one_message_per_position"),
        ),
        migrations.AddConstraint(
            model_name="question",
            constraint=models.UniqueConstraint(fields=("assembly", "slug"), name="question_slug"),
        ),
        migrations.AddConstraint(
            model_name="judgement",
            constraint=models.UniqueConstraint(
                fields=("participation", "pair", "context"), name="one_judgement_per_pair"
            ),
        ),
        migrations.AddConstraint(
            model_name="context",
            constraint=models.UniqueConstraint(fields=("assembly", "text"), name="context_text"),
        ),
        migrations.AddConstraint(
            model_name="canonicalvalue",
            constraint=models.UniqueConstraint(fields=("question", "content_hash"), name="value_said_once"),
        ),
        migrations.AddConstraint(
            model_name="participation",
            constraint=models.UniqueConstraint(fields=("person", "assembly"), name="takes_part_once"),
        ),
        migrations.AddConstraint(
            model_name="participation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_digest", ""), _negated=True),
                fields=("recruitment", "external_digest"),
                name="outside_id_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="similaroffer",
            constraint=models.UniqueConstraint(fields=("card", "value"), name="offered_once"),
        ),
        migrations.AddConstraint(
            model_name="storyflag",
            constraint=models.UniqueConstraint(fields=("participation", "drawn"), name="flagged_once"),
        ),
        migrations.AddConstraint(
            model_name="transition",
            constraint=models.UniqueConstraint(
                fields=("question", "context", "source", "candidate"), name="transition_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="transition",
            constraint=models.CheckConstraint(
                condition=models.Q(("source", models.F("candidate")), _negated=True),
                name="transition_between_two_values",
            ),
        ),
        migrations.AddConstraint(
            model_name="story",
            constraint=models.UniqueConstraint(fields=("transition", "language", "version"), name="story_version_once"),
        ),
        migrations.AddConstraint(
            model_name="vote",
            constraint=models.UniqueConstraint(fields=("participation", "value"), name="one_vote_per_value"),
        ),
    ]
