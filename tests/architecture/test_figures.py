"""Every file in a named room: the figures that may not get worse."""

from __future__ import annotations

from tests.architecture import figures


def test_every_module_of_an_app_stands_in_a_layer() -> None:
    assert figures.outside_layers() == []


def test_no_folder_holds_more_files_than_one_look_takes_in() -> None:
    assert figures.crowded_folders() == {}


def test_no_import_inside_an_app_leads_upwards() -> None:
    assert figures.upward_imports() == []


def test_no_two_public_classes_of_a_package_and_no_two_modules_of_a_layer_share_a_name() -> None:
    assert figures.names_alike() == []


def test_the_figures_see_what_they_count() -> None:
    assert len(figures.python_files()) > 300
    assert figures.files_per_folder()["frontend/static/js/logic"] > 3
    assert len(figures.layers()) == 8
