"""What is wrong with settings: one sentence with the place, and what to write instead."""

from pathlib import Path

import pytest
from perdure_runtime.config.error import SettingsError
from perdure_runtime.config.loading import load


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[ingres]\nlisten = 1", "ingres: there is no section 'ingres'; did you mean 'ingress'?"),
        ("ingress.listn = 1", "ingress.listn: there is no setting 'listn' in [ingress]; did you mean 'listen'?"),
        (
            "ingress.lease = '5s'",
            "ingress.lease: there is no setting 'lease' in [ingress]; did you mean 'cluster.lease'?",
        ),
        ("ui.zzz = 1", "ui.zzz: there is no setting 'zzz' in [ui]; there is enabled"),
        ("tls.ingres.key = 1", "tls.ingres: there is no setting 'ingres' in [tls]; did you mean 'ingress'?"),
        ("ingress = 1", "ingress is 1; write a table: [ingress]"),
        ("ingress.listen = 1", "ingress.listen: this is no address; write host:port, such as 127.0.0.1:8080"),
        ("ingress.listen = 'here'", "ingress.listen: 'here' is no address; write host:port, such as localhost:9080"),
        ("retry.initial = 5", "retry.initial is 5; write a duration such as 50ms, 10s, 5m or 1h"),
        ("retry.initial = '999999999999d'", "retry.initial is '999999999999d'; write a shorter one"),
        ("retry.factor = 0.5", "retry.factor is 0.5; write a number from 1"),
        ("retry.initial = '1h'", "retry.max_interval is 10000 ms, shorter than initial, 3600000 ms"),
        ("retry.on_max_attempts = 'stop'", "retry.on_max_attempts is 'stop'; write pause or fail"),
        ("sql.rows = 'many'", "sql.rows is 'many'; write a whole number"),
        ("sql.rows = 1000000", "sql.rows is 1000000; write a whole number up to 100000"),
        ("ui.enabled = 'perhaps'", "ui.enabled is 'perhaps'; write true or false"),
        ("storage.urls = 5", "storage.urls is not what it should be; write a list"),
        ("storage.codec = 5", "storage.codec is not what it should be; write text"),
        ("storage.urls_file = 5", "storage.urls_file is 5; write the path of a file"),
        ("storage.urls_file = 'gone'", "storage.urls_file: gone cannot be read: "),
        ("cluster.lease = '9s'", "cluster.lease: only nodes that share a PostgreSQL database need it"),
        ("auth.jwt.leeway = '6m'", "auth.jwt.leeway is '6m'; write a duration up to 5 minutes"),
        ("auth.jwt.issuer = 'me'", "auth.jwt: issuer, audience and jwks go together"),
        ("[[auth.api_keys]]\nidd = 'a'", "auth.api_keys[0]: there is no setting 'idd' in it; did you mean 'id'?"),
        ("[[auth.api_keys]]\nid = 'a'", "auth.api_keys[0].hash is missing"),
        ("traces.headers = 5", "traces.headers is not what it should be; write a table of secret"),
    ],
)
def test_a_wrong_file_is_one_sentence_with_its_name_and_the_key(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as raised:
        load({}, {}, file)
    assert str(raised.value).startswith(f"{file}: {says}")
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_toml_says_where_it_goes_wrong(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text("[ingress")
    with pytest.raises(SettingsError, match=r"shop\.toml is no TOML: Expected '\]' .*"):
        load({}, {}, file)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "PERDURE_INGRES__LISTEN",
            "x",
            "PERDURE_INGRES__LISTEN: there is no section 'ingres'; did you mean 'ingress'?",
        ),
        ("PERDURE_INGRESS__LISTN", "x", "PERDURE_INGRESS__LISTN: there is no setting 'listn' in [ingress]; did you"),
        ("PERDURE_UI__ENABLED", "x", "PERDURE_UI__ENABLED is 'x'; write true or false"),
        ("PERDURE_RETRY__INITIAL", "1h", "PERDURE_RETRY__MAX_INTERVAL is 10000 ms, shorter than initial, 3600000 ms"),
        ("PERDURE_STORAGE", "mysql://", "PERDURE_STORAGE: this is no URL of a PostgreSQL database"),
        ("PERDURE_STORAGE", "[x", "PERDURE_STORAGE is no JSON: "),
    ],
)
def test_a_wrong_variable_is_one_sentence_with_its_name(name: str, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load({}, {name: text})
    assert str(raised.value).startswith(says)


@pytest.mark.parametrize(
    "text",
    [
        "storage.urls = ['mysql://ada:s3cret@db/shop']",
        "storage.urls = ['postgresql://ada:s3cret@db/shop', 'postgresql://ada:s3cret@db/shop']",
        "storage.codec = 's3cret'",
        "[[auth.api_keys]]\nid = 'a'\nname = 'a'\nhash = 's3cret'",
        "traces.headers = {key = ['s3cret']}",
    ],
)
def test_what_may_be_a_secret_is_not_repeated(text: str, tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as raised:
        load({}, {}, file)
    assert "s3cret" not in str(raised.value)
