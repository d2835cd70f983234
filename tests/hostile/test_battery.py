"""Hostile updates, each alone and each inside honest work: what must never happen does not (G1 to G13)."""

import resource
import subprocess
import sys
from collections import Counter

import pytest

from syncchat.core.grant import Role
from syncchat.testing.field import BASE, HONEST, Field, harm, on_field
from syncchat.testing.hostile import ATTACKS, HARMLESS
from syncchat.testing.updates import whole

MEMORY = 1 << 30
"""Bytes of address space in which a process has to survive everything."""


@pytest.mark.parametrize("name", ATTACKS)
def test_G1_G2_G4_G5_G6_an_attack_is_refused_by_its_rule_and_leaves_every_byte_as_it_was(name: str) -> None:
    attack = ATTACKS[name]

    async def main(field: Field) -> None:
        before = field.state
        assert await field.strike(attack.alone) == attack.rule
        assert not harm(before, field.state)
        if attack.rule != HARMLESS:
            assert field.state == before
            assert await field.strike(whole(HONEST)) == HARMLESS
        await field.check()

    on_field(main)


@pytest.mark.parametrize("order", ["ahead", "behind"])
@pytest.mark.parametrize("name", ATTACKS)
def test_G1_G4_G5_honest_work_around_it_carries_no_attack_in(name: str, order: str) -> None:
    attack = ATTACKS[name]
    data: bytes = getattr(attack, order)

    async def main(field: Field) -> None:
        before = field.state
        assert (await field.strike(data) == HARMLESS) == (attack.rule == HARMLESS)
        assert not harm(before, field.state)
        if attack.rule != HARMLESS:
            assert field.state == before
        await field.check()

    on_field(main)


@pytest.mark.parametrize("role", [Role.READER, Role.MODERATOR, Role.AGENT])
def test_G10_G11_G12_no_role_lets_an_attack_do_more_than_the_role_may(role: Role) -> None:
    async def main(field: Field) -> None:
        met: Counter[str] = Counter()
        for attack in ATTACKS.values():
            before = field.state
            rule = await field.strike(attack.alone)
            met[rule] += 1
            assert not harm(before, field.state, role)
            if role is Role.READER or rule != HARMLESS:
                assert field.state == before
        assert met["G4"] > 40
        if role is Role.READER:
            assert met["G11"] > 40

    on_field(main, role)


def test_G4_G6_a_process_with_little_memory_survives_all_of_it() -> None:
    """Not in this one: a panic or an overflow of the stack in the CRDT library would end it."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "syncchat.testing.hostile"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        preexec_fn=limit,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{3 * len(ATTACKS)} attacks\n"


def test_G4_without_the_decoder_one_of_them_poisons_a_doc_for_good() -> None:
    """Why there is a decoder of our own; when this fails, the library has learnt it."""
    program = (
        "import sys\n"
        "from pycrdt import Doc\n"
        "doc = Doc()\n"
        "doc.apply_update(bytes.fromhex(sys.argv[1]))\n"
        "for use in (lambda: doc.apply_update(bytes.fromhex(sys.argv[2])), doc.get_update):\n"
        "    try:\n"
        "        use()\n"
        "    except Exception:\n"
        "        print('an exception')\n"
        "    except BaseException as error:\n"
        "        print(type(error).__name__)\n"
    )
    data = ATTACKS["nothing of the kind gc behind garbage"].alone
    done = subprocess.run(
        [sys.executable, "-c", program, BASE.hex(), data.hex()], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["PanicException", "PanicException"]
