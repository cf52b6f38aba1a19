"""The searches that visitors may use, for the front page: it belongs to an app below this one."""

from __future__ import annotations

from django import template

from evalapp.search.models import SearchIndex
from evalapp.search.queries.search_indexes import public_indexes

register = template.Library()


@register.simple_tag
def public_searches() -> list[SearchIndex]:
    """`{% public_searches as searches %}`: those that are public and answer, with their catalogues."""
    return list(public_indexes())
