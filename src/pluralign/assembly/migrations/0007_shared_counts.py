"""What rate limits count, in the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("assembly", "0006_consent_texts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Counted",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("times", models.PositiveIntegerField()),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
