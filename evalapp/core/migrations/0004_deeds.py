import django.utils.timezone
from django.db import migrations, models

_ONLY_ADDED = """
CREATE FUNCTION core_deed_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Who did what is only added to, never changed.';
END $$;
CREATE TRIGGER deeds_stay BEFORE UPDATE OR DELETE ON core_deed FOR EACH ROW EXECUTE FUNCTION core_deed_stays();
"""
_AS_BEFORE = "DROP TRIGGER deeds_stay ON core_deed; DROP FUNCTION core_deed_stays();"


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_workers"),
    ]

    operations = [
        migrations.CreateModel(
            name="Deed",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                (
                    "who",
                    models.CharField(blank=True, help_text="Empty where nobody asked for it.", max_length=150),
                ),
                (
                    "door",
                    models.CharField(
                        help_text="Page, API or command; `itself` where nobody asked for it.", max_length=10
                    ),
                ),
                ("what", models.CharField(max_length=60)),
                ("target", models.CharField(help_text="For example `study autumn`.", max_length=300)),
                ("detail", models.CharField(blank=True, max_length=300)),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.RunSQL(_ONLY_ADDED, _AS_BEFORE),
    ]
