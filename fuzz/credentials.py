"""Who knocks: API keys, tokens, cookies and signatures of any form. Nobody gets in who should not."""

from collections.abc import Callable

from perdure.signatures import Verifier, WrongSignature, write_public
from perdure_runtime.security.guard import Guard, Unauthenticated
from perdure_runtime.security.keys import new_key
from perdure_runtime.security.principal import Role
from perdure_runtime.security.settings import AuthSettings

from fuzz.dice import Dice
from fuzz.ground import Found, Ground

NAMES = (b"authorization", b"x-api-key", b"cookie")
ID, SECRET = "0123456789ab", "ab" * 32


def guard(ground: Ground) -> Callable[[bytes], None]:
    """What is shown to the guard in place of a key."""
    known = new_key("ada", Role.ADMIN)
    door = Guard.of(AuthSettings(api_keys=(known.settings,)))
    assert door is not None
    assert door.authenticate([(b"x-api-key", known.text.encode())]).name == "ada"

    def one(data: bytes) -> None:
        dice = Dice(data)
        shown = dice.many(3, lambda: (dice.choice(NAMES), _secret(dice, known.settings.id)))
        try:
            who = door.authenticate(shown)
        except Unauthenticated:
            return
        raise Found(f"{shown} let somebody in as {who.name}")

    return one


def signature(ground: Ground) -> Callable[[bytes], None]:
    """What is shown to an endpoint in place of a node's signature."""
    verifier = Verifier([write_public(bytes(31) + b"\x01")], now=lambda: 1_700_000_000.0)

    def one(data: bytes) -> None:
        dice = Dice(data)
        written = (
            f"{dice.choice(('v1', 'v2', ''))} key={dice.raw(8).hex():0>16} at={dice.number()} "
            f"nonce={dice.raw(16).hex():0>32} for={dice.text()} signature={dice.raw(64).hex():0>128}"
        )
        try:
            verifier.check(dice.text(), None if dice.yes(16) else dice.text() if dice.yes(8) else written)
        except WrongSignature:
            return
        raise Found(f"{written} was taken for a signature")

    return one


def _secret(dice: Dice, id: str) -> bytes:
    match dice.below(5):
        case 0:
            return f"pk_{id}_{dice.raw(32).hex():0>64}".encode()
        case 1:
            return b"Bearer " + dice.raw(80)
        case 2:
            return f"Bearer {dice.text()}.{dice.text()}.{dice.text()}".encode(errors="replace")
        case 3:
            return f"perdure_session={dice.text()}; {dice.text()}={dice.text()}".encode(errors="replace")
        case _:
            return dice.raw(120)
