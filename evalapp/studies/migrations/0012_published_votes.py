from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("studies", "0011_margin"),
    ]

    operations = [
        migrations.AddField(
            model_name="pairflag",
            name="backing",
            field=models.PositiveIntegerField(default=0, help_text="Reports of people with a record, one per address."),
        ),
        migrations.AddField(
            model_name="study",
            name="published_votes",
            field=models.PositiveIntegerField(
                default=0,
                help_text="What visitors are told of the number of votes while people vote; moves in large steps.",
            ),
        ),
    ]
