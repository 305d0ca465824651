"""`perdure keys`: a key is shown once, and the configuration gets no secret."""

import tomllib
from pathlib import Path

from perdure_runtime.security.keys import ApiKeys, hash_of
from perdure_runtime.security.principal import Principal, Role
from perdure_runtime.security.settings import ApiKey

from tests.cli.covering import covers
from tests.cli.town import perdure


@covers("keys new")
def test_the_lines_for_the_configuration_let_the_bearer_of_the_key_in() -> None:
    ran = perdure("keys", "new", 'Ada "L"', "--role", "operator", "--service", "shop.v1.*", "--service", "mail.v1.*")
    key = ran.err.split("shown this once: ")[1].splitlines()[0]

    (kept,) = tomllib.loads(ran.out)["auth"]["api_keys"]
    known = ApiKeys([ApiKey.model_validate(kept)])
    assert known.find(key) == Principal('Ada "L"', Role.OPERATOR, ("shop.v1.*", "mail.v1.*"))
    secret = key.rpartition("_")[2]
    assert secret not in ran.out
    assert kept["hash"] == hash_of(secret)


def test_a_key_that_may_do_nothing_is_not_made() -> None:
    ran = perdure("keys", "new", "ada")

    assert (ran.exit_code, ran.out) == (2, "")
    assert ran.err == "perdure: this key may do nothing: say what it may with --role or --service\n"


@covers("keys signing")
def test_a_signing_key_is_written_for_its_owner_alone_and_never_over_another(tmp_path: Path) -> None:
    file = tmp_path / "signing.pem"
    ran = perdure("keys", "signing", str(file))

    assert ran.exit_code == 0, ran.err
    assert file.stat().st_mode & 0o777 == 0o600
    assert ran.out.startswith("ed25519:")
    assert "PRIVATE" not in ran.out + ran.err
    before = file.read_bytes()
    again = perdure("keys", "signing", str(file))
    assert (again.exit_code, again.err) == (2, f"perdure: cannot write {file}: File exists\n")
    assert file.read_bytes() == before
