"""Signed requests: what a node signs, and what an endpoint takes."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from perdure import UsageError
from perdure.signatures import FRESH_S, SIGNATURE, Verifier, WrongSignature
from perdure_runtime.security.problem import SecurityProblem
from perdure_runtime.security.signing import Signer, new_signing_key

ADDRESS, PATH = "orders:9080", "/perdure.protocol.v1.EndpointService/Session"


@dataclass
class Room:
    """A node that signs, and the clock of both sides."""

    directory: Path
    now: float = 1_000_000.0
    public: str = ""
    signer: Signer = field(init=False)

    def __post_init__(self) -> None:
        key = new_signing_key()
        self.public = key.public
        (self.directory / "signing.pem").write_bytes(key.private_pem)
        self.signer = Signer(self.directory / "signing.pem", lambda: self.now)

    def written(self, address: str = ADDRESS) -> str:
        """What the node sends."""
        return self.signer.metadata(address, PATH)[SIGNATURE]

    def verifier(self, *others: str, known_as: tuple[str, ...] = ()) -> Verifier:
        """An endpoint that knows the node."""
        return Verifier([*others, self.public], known_as, lambda: self.now)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """A node and an endpoint."""
    return Room(tmp_path)


def test_what_a_known_node_signs_is_taken(room: Room) -> None:
    verifier = room.verifier()
    verifier.check(PATH, room.written())
    verifier.check(PATH, room.written())


def test_the_key_that_endpoints_are_given_is_the_signers(room: Room) -> None:
    assert room.signer.public == room.public


def test_a_request_without_a_signature_is_refused_with_what_to_do(room: Room) -> None:
    with pytest.raises(WrongSignature, match=r"set `key` in \[signing\] of the node"):
        room.verifier().check(PATH, None)


def test_a_request_is_taken_once(room: Room) -> None:
    verifier, written = room.verifier(), room.written()
    verifier.check(PATH, written)
    with pytest.raises(WrongSignature, match="made before"):
        verifier.check(PATH, written)


def test_a_request_for_another_path_is_refused(room: Room) -> None:
    with pytest.raises(WrongSignature, match="not of this request"):
        room.verifier().check("/perdure.protocol.v1.EndpointService/Discover", room.written())


@pytest.mark.parametrize("part", ["at=", "nonce=", "for=", "signature="])
def test_a_request_that_was_changed_is_refused(room: Room, part: str) -> None:
    before, name, after = room.written().partition(part)
    changed = before + name + ("1" if after[0] != "1" else "2") + after[1:]
    with pytest.raises(WrongSignature, match="not of this request"):
        room.verifier().check(PATH, changed)


@pytest.mark.parametrize("away_s", [FRESH_S + 1, -FRESH_S - 1])
def test_a_request_of_another_time_is_refused(room: Room, away_s: float) -> None:
    written = room.written()
    room.now += away_s
    with pytest.raises(WrongSignature, match="set the clocks of node and endpoint right"):
        room.verifier().check(PATH, written)


def test_a_request_is_remembered_for_as_long_as_it_is_fresh(room: Room) -> None:
    verifier = room.verifier()
    room.now += FRESH_S
    ahead = room.written()
    room.now -= FRESH_S
    verifier.check(PATH, ahead)
    room.now += 2 * FRESH_S - 1
    with pytest.raises(WrongSignature, match="made before"):
        verifier.check(PATH, ahead)


def test_what_is_fresh_no_more_is_forgotten(room: Room) -> None:
    verifier = room.verifier()
    for _ in range(10):
        verifier.check(PATH, room.written())
        room.now += 2 * FRESH_S
    assert len(verifier._nonces) == 1


def test_a_request_for_another_endpoint_is_refused(room: Room) -> None:
    verifier = room.verifier(known_as=(ADDRESS, "orders.shop:9080"))
    verifier.check(PATH, room.written())
    with pytest.raises(WrongSignature, match=r"is for billing:9080, and this endpoint is known as orders\.shop:9080"):
        verifier.check(PATH, room.written("billing:9080"))


def test_the_key_of_a_node_that_is_not_known_is_refused(room: Room) -> None:
    other = Verifier([new_signing_key().public], (), lambda: room.now)
    with pytest.raises(WrongSignature, match="does not know the signing key"):
        other.check(PATH, room.written())


def test_keys_are_changed_while_both_are_known(room: Room) -> None:
    new = new_signing_key()
    verifier = room.verifier(new.public)
    verifier.check(PATH, room.written())
    (room.directory / "new.pem").write_bytes(new.private_pem)
    renewed = Signer(room.directory / "new.pem", lambda: room.now)
    verifier.check(PATH, renewed.metadata(ADDRESS, PATH)[SIGNATURE])


@pytest.mark.parametrize("written", ["", "v2 key=1", "v1", "sesame"])
def test_what_is_no_signature_is_refused(room: Room, written: str) -> None:
    with pytest.raises(WrongSignature, match="in no form"):
        room.verifier().check(PATH, written)


@pytest.mark.parametrize("public", ["", "ed25519:", "ed25519:AAAA", "ed25519:???", "A" * 44])
def test_what_is_no_public_key_is_refused(public: str) -> None:
    with pytest.raises(UsageError, match="is no public key of a node"):
        Verifier([public])


def test_a_file_that_holds_no_signing_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "signing.pem"
    with pytest.raises(SecurityProblem, match="cannot read"):
        Signer(file)
    file.write_text("sesame")
    with pytest.raises(SecurityProblem, match="is no private key in PEM") as refused:
        Signer(file)
    assert "sesame" not in str(refused.value)
