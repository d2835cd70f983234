"""Honest replicas are never refused, however they edit, reopen, relay and come back."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from pycrdt import Doc, Map, Text

from syncchat.core.grant import Role
from syncchat.core.guard import Accept, judge
from syncchat.core.ids import format_id
from syncchat.core.lib0 import decode_state
from syncchat.core.schema import OPEN, PAGE, Schema
from syncchat.core.structs import StructIndex
from syncchat.core.update import decode

ROOTS = ("messages", "streams", "reactions", "requests", "values")
TOKENS = st.text(st.sampled_from("ab é漢📊"), min_size=1, max_size=5)
PROCESSES = st.integers(0, 3)
USERS = ("alice", "bob", "carol", "alice")  # the first and the last are two processes of one user


class Replica:
    """A process of one user: a doc, and what it wrote that was not sent yet."""

    def __init__(self, user: str, state: bytes | None = None) -> None:
        self.user = user
        self.doc: Doc[Any] = Doc()
        self.roots = {name: self.doc.get(name, type=Map) for name in ROOTS}
        if state is not None:
            self.doc.apply_update(state)
        self.outbox: list[bytes] = []
        self.remote = False
        self.subscription = self.doc.observe(self._keep)

    def _keep(self, event: Any) -> None:
        if not self.remote:
            self.outbox.append(event.update)

    def receive(self, data: bytes) -> None:
        self.remote = True
        self.doc.apply_update(data)
        self.remote = False

    def mine(self, root: str) -> list[str]:
        return sorted(key for key in self.roots[root] if f".{self.user}." in key)


class Server:
    """A doc behind the guard."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.doc: Doc[Any] = Doc()
        self.index = StructIndex(self.doc.get_update)

    def receive(self, data: bytes, user: str) -> Accept:
        verdict = judge(decode(data), self.index, user=user, role=Role.WRITER, schema=self.schema)
        assert isinstance(verdict, Accept)
        self.doc.apply_update(data)
        self.index.extend(verdict.plan, user)
        return verdict

    def reload(self) -> None:
        state = self.doc.get_update()
        self.doc = Doc()
        self.doc.apply_update(state)
        self.index = StructIndex.load(state, self.schema.owner_of, self.doc.get_update)


class Room(RuleBasedStateMachine):
    """Four processes of three users, and a server that may restart."""

    schema = PAGE

    def __init__(self) -> None:
        super().__init__()
        self.server = Server(self.schema)
        self.replicas = [Replica(user) for user in USERS]
        self.made = 0

    def some_key(self, replica: Replica, number: int) -> str | None:
        keys = replica.mine("messages")
        return keys[number % len(keys)] if keys else None

    @rule(at=PROCESSES, text=TOKENS)
    def post(self, at: int, text: str) -> None:
        replica = self.replicas[at]
        self.made += 1
        replica.roots["messages"][format_id(self.made, replica.user, self.made)] = f'{{"text":"{text}"}}'

    @rule(at=PROCESSES, number=st.integers(0, 5), text=TOKENS)
    def edit(self, at: int, number: int, text: str) -> None:
        replica = self.replicas[at]
        key = self.some_key(replica, number)
        if key is not None:
            replica.roots["messages"][key] = f'{{"text":"{text}"}}'

    @rule(at=PROCESSES, number=st.integers(0, 5))
    def remove(self, at: int, number: int) -> None:
        replica = self.replicas[at]
        key = self.some_key(replica, number)
        if key is not None:
            del replica.roots["messages"][key]

    @rule(at=PROCESSES, number=st.integers(0, 5))
    def react(self, at: int, number: int) -> None:
        replica = self.replicas[at]
        ids = sorted(replica.roots["messages"])
        if ids:
            key = f"{ids[number % len(ids)]}|{replica.user}|👍"
            if key in replica.roots["reactions"]:
                del replica.roots["reactions"][key]
            else:
                replica.roots["reactions"][key] = "1"
            replica.roots["requests"][f"stop|{ids[0]}|{replica.user}"] = "1"

    @rule(at=PROCESSES)
    def start(self, at: int) -> None:
        replica = self.replicas[at]
        self.made += 1
        replica.roots["streams"][format_id(self.made, replica.user, self.made)] = Text()

    @rule(at=PROCESSES, number=st.integers(0, 3), tokens=st.lists(TOKENS, min_size=1, max_size=4))
    def stream(self, at: int, number: int, tokens: list[str]) -> None:
        replica = self.replicas[at]
        keys = replica.mine("streams")
        if keys:
            stream = replica.roots["streams"][keys[number % len(keys)]]
            for token in tokens:
                stream += token

    @rule(at=PROCESSES, number=st.integers(0, 3))
    def finish(self, at: int, number: int) -> None:
        replica = self.replicas[at]
        keys = replica.mine("streams")
        if keys:
            key = keys[number % len(keys)]
            with replica.doc.transaction():
                replica.roots["messages"][key] = '{"text":"done"}'
                del replica.roots["streams"][key]

    @rule(at=PROCESSES)
    def send_each(self, at: int) -> None:
        replica = self.replicas[at]
        for data in replica.outbox:
            self.server.receive(data, replica.user)
        replica.outbox.clear()

    @rule(at=PROCESSES, whole=st.booleans())
    def send_difference(self, at: int, whole: bool) -> None:
        replica = self.replicas[at]
        state = self.server.doc.get_state()
        self.server.receive(replica.doc.get_update(None if whole else state), replica.user)
        replica.outbox.clear()

    @rule(at=PROCESSES)
    def catch_up(self, at: int) -> None:
        replica = self.replicas[at]
        replica.receive(self.server.doc.get_update(replica.doc.get_state()))

    @rule(there_and_back=st.booleans())
    def relay_between_processes_of_one_user(self, there_and_back: bool) -> None:
        first, second = self.replicas[0], self.replicas[3]
        if there_and_back:
            first, second = second, first
        second.receive(first.doc.get_update(second.doc.get_state()))
        second.outbox[:0] = first.outbox

    @rule(at=PROCESSES)
    def reopen(self, at: int) -> None:
        old = self.replicas[at]
        self.replicas[at] = Replica(old.user, old.doc.get_update())
        self.replicas[at].outbox = old.outbox

    @rule()
    def restart_the_server(self) -> None:
        self.server.reload()

    @invariant()
    def the_index_has_the_clocks_of_the_doc(self) -> None:
        assert self.server.index.state() == decode_state(self.server.doc.get_state())

    def teardown(self) -> None:
        for _ in range(2):
            for at in range(len(self.replicas)):
                self.send_difference(at, whole=True)
                self.catch_up(at)
        rows = self.server.doc.get("messages", type=Map).to_py()
        assert all(replica.roots["messages"].to_py() == rows for replica in self.replicas)


class OpenDoc(Room):
    """The same in a doc that belongs to no room, where everybody writes the same rows and cells."""

    schema = OPEN

    @rule(at=PROCESSES, key=st.sampled_from("ab"), cell=st.sampled_from("xy"), text=TOKENS)
    def write_a_cell(self, at: int, key: str, cell: str, text: str) -> None:
        values = self.replicas[at].roots["values"]
        if text == "a" or key not in values:
            values[key] = Map()
        values[key][cell] = text

    @rule(at=PROCESSES, key=st.sampled_from("ab"))
    def drop_a_row(self, at: int, key: str) -> None:
        values = self.replicas[at].roots["values"]
        if key in values:
            del values[key]


def test_G1_honest_replicas_of_a_page_are_never_refused() -> None:
    run_state_machine_as_test(Room, settings=settings(max_examples=60, stateful_step_count=40))


def test_G5_honest_replicas_of_an_open_doc_are_never_refused() -> None:
    run_state_machine_as_test(OpenDoc, settings=settings(max_examples=30, stateful_step_count=40))
