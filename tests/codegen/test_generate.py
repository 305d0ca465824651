"""`perdure generate` on the directories that people give it."""

import importlib.util
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from perdure_codegen import generate as module
from perdure_codegen.generate import GenerationFailed, bundled, generate

ROOT = Path(__file__).parents[2]
SHOP = (
    'syntax = "proto3"; package acme.shop.v1; import "perdure/v1/annotations.proto";\n'
    "message Order { string id = 1; } service Shop { rpc Buy(Order) returns (Order); }"
)


def write(root: Path, name: str, text: str) -> Path:
    """A file below a root, which is returned."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return root


def test_the_written_files_are_returned(tmp_path: Path) -> None:
    protos = write(tmp_path / "protos", "acme/shop/v1/shop.proto", SHOP)
    out = tmp_path / "not" / "yet"

    assert generate(protos, out) == [
        out / "acme/__init__.py",
        out / "acme/shop/__init__.py",
        out / "acme/shop/v1/__init__.py",
    ]


def test_a_relative_directory_is_found_whatever_stands_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "protos", "acme/shop/v1/shop.proto", SHOP)
    # A file of the same name, and a module that hides the compiler from `python -m`.
    write(tmp_path, "acme/shop/v1/shop.proto", "nonsense")
    write(tmp_path / "protos", "grpc_tools/__init__.py", "raise SystemExit('hidden')")
    monkeypatch.chdir(tmp_path)

    assert Path("out/acme/shop/v1/__init__.py") in generate(Path("protos"), Path("out"))


def test_a_parent_that_is_a_module_of_the_project_stays_as_it_is(tmp_path: Path) -> None:
    protos = write(tmp_path / "protos", "acme/shop/v1/shop.proto", SHOP)
    out = write(tmp_path / "out", "acme/__init__.py", "VERSION = 1\n")

    written = generate(protos, out)

    assert (out / "acme/__init__.py").read_text() == "VERSION = 1\n"
    assert out / "acme/__init__.py" not in written


def test_annotations_that_a_project_keeps_itself_are_used_and_not_generated(tmp_path: Path) -> None:
    protos = write(tmp_path / "protos", "acme/shop/v1/shop.proto", SHOP)
    own = (bundled() / "perdure/v1/annotations.proto").read_text()
    write(protos, "perdure/v1/annotations.proto", own)

    assert not any("perdure" in path.parts for path in generate(protos, tmp_path / "out"))


def test_hidden_directories_hold_no_contract(tmp_path: Path) -> None:
    protos = write(tmp_path / "protos", "acme/shop/v1/shop.proto", SHOP)
    write(protos, ".venv/broken.proto", "nonsense")

    assert len(generate(protos, tmp_path / "out")) == 3


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        GenerationFailed, match=r"nowhere does not exist: give the root directory of your \.proto files"
    ):
        generate(tmp_path / "nowhere", tmp_path)


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path, "shop.proto", SHOP)

    with pytest.raises(GenerationFailed, match=r"shop\.proto is a file: give the root directory"):
        generate(root / "shop.proto", tmp_path)


def test_a_directory_without_contracts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GenerationFailed, match=r"there are no \.proto files below"):
        generate(tmp_path, tmp_path)


def test_a_directory_with_nothing_but_the_annotations_is_refused(tmp_path: Path) -> None:
    own = (bundled() / "perdure/v1/annotations.proto").read_text()
    protos = write(tmp_path, "perdure/v1/annotations.proto", own)

    with pytest.raises(GenerationFailed, match="are perdure's own: add your contract to them"):
        generate(protos, tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense", r"a/shop\.proto:1:1: "),
        ('syntax = "proto3"; package a; import "missing.proto";', r"missing\.proto: File not found"),
        ('syntax = "proto3"; package a;\nmessage M { Lost l = 1; }', r'a/shop\.proto:2:13: "Lost" is not defined\.'),
        ('syntax = "proto2"; package a;', r"^a/shop\.proto:1:1: syntax: proto2 is not supported"),
    ],
)
def test_what_the_compiler_or_plugin_says_is_the_message_and_nothing_is_written(
    tmp_path: Path, text: str, sentence: str
) -> None:
    protos = write(tmp_path / "protos", "a/shop.proto", text)

    with pytest.raises(GenerationFailed, match=sentence) as failed:
        generate(protos, tmp_path / "out")

    assert "Traceback" not in str(failed.value)
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    protos = write(tmp_path / "protos", "acme/shop/v1/shop.proto", SHOP)
    write(tmp_path, "out", "a file")

    with pytest.raises(GenerationFailed, match=r"cannot write .*out/acme/__init__\.py: "):
        generate(protos, tmp_path / "out")


def test_it_is_said_what_to_install_where_the_compiler_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    protos = write(tmp_path / "protos", "acme/shop/v1/shop.proto", SHOP)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(GenerationFailed, match=r"pip install 'perdure\[generate\]', or use buf generate"):
        generate(protos, tmp_path / "out")


def test_the_wheel_ships_the_annotations_where_generate_looks_for_them(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")

    names = zipfile.ZipFile(wheel).namelist()

    relative = Path(module.__file__).parent.name
    assert f"{relative}/protos/perdure/v1/annotations.proto" in names
    assert {name for name in names if re.search(r"templates/.*\.j2$", name)} == {
        f"{relative}/templates/{name}.py.j2" for name in ("module", "body", "service")
    }
