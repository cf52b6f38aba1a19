from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="webhook",
            name="is_live",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Only operators read it: told at once what is not published yet.",
            ),
        ),
    ]
