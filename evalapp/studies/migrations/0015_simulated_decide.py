from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("studies", "0014_box_styles"),
    ]

    operations = [
        migrations.AddField(
            model_name="study",
            name="simulated_decide",
            field=models.BooleanField(
                default=False,
                db_default=False,
                help_text="Whether votes of a simulated crowd may declare a winner; untold, they are a rehearsal.",
            ),
        ),
    ]
