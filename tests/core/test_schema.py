"""Schemas: which kind of doc has which roots, and whose their rows are."""

from syncchat.core.ids import format_id, parse_doc
from syncchat.core.schema import COVER, OPEN, PAGE, schema_of

ROW = format_id(1, "alice", 1)


def test_G7_each_kind_of_doc_has_its_schema() -> None:
    assert schema_of(parse_doc("lobby/0")) is PAGE
    assert schema_of(parse_doc("lobby/cover")) is COVER
    assert schema_of(parse_doc("todo")) is OPEN
    assert PAGE.owner_of(("messages", ROW)) == "alice"
    assert PAGE.owner_of(("requests", f"topic|{ROW[:10]}|bob")) == "bob"
    assert [PAGE.owner_of(row) for row in (("messages", "x"), ("x", ROW))] == [None, None]
