from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.search.pages import adoption, duplicates, lab, photo_tags, search

urlpatterns: list[URLPattern] = [
    path("search/<slug:slug>/", search.search_page, name="search"),
    path("lab/studies/<slug:slug>/adopt/", adoption.adopt_winner, name="lab-study-adopt"),
    path("lab/search/", lab.index_list, name="lab-search"),
    path("lab/search-new/", lab.new_index, name="lab-search-new"),
    path("lab/search/<slug:slug>/", lab.one_index, name="lab-search-index"),
    path("lab/search/<slug:slug>/change/", lab.change_index, name="lab-search-change"),
    path("lab/search/<slug:slug>/compare/", lab.compare_indexes, name="lab-search-compare"),
    path("lab/tags/", photo_tags.tagged_catalogues, name="lab-tags"),
    path("lab/tags/<slug:slug>/", photo_tags.tagged_catalogue, name="lab-tagged-catalogue"),
    path("lab/tags/<slug:slug>/new/", photo_tags.bring_photo, name="lab-tags-new"),
    path("lab/tags/<slug:slug>/<int:number>/", photo_tags.tagged_photo_page, name="lab-tagged-photo"),
    path("lab/tags/<slug:slug>/<int:number>/decide/", photo_tags.decide_tag, name="lab-tag-decide"),
    path("lab/duplicates/", duplicates.duplicate_counts, name="lab-duplicates"),
    path("lab/duplicates/<slug:slug>/", duplicates.duplicate_pair, name="lab-duplicate-pair"),
    path("lab/duplicates/<slug:slug>/decide/", duplicates.decide_duplicate, name="lab-duplicate-decide"),
]
