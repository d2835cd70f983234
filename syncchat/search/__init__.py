"""Full text search over what a log holds: a query language, an index that can be dropped, its feeder."""

from syncchat.search.feeder import Feeder
from syncchat.search.file import IndexDamaged, SearchFailed, drop_index
from syncchat.search.finding import Found, Hit
from syncchat.search.index import MAX_HITS, Index
from syncchat.search.local import LocalSearch
from syncchat.search.query import BadQuery, Query, parse
from syncchat.search.writing import Change

__all__ = [
    "MAX_HITS",
    "BadQuery",
    "Change",
    "Feeder",
    "Found",
    "Hit",
    "Index",
    "IndexDamaged",
    "LocalSearch",
    "Query",
    "SearchFailed",
    "drop_index",
    "parse",
]
