"""Files, packages and names that cannot become Python are refused, and it is said what to do."""

from pathlib import Path

import pytest
from perdure_codegen.plugin import run

from tests.codegen.compiling import complaints, request, shop


@pytest.mark.parametrize(
    ("syntax", "called"),
    [
        ('syntax = "proto2";', "proto2"),
        ('edition = "2023";', "edition 2023"),
        ('edition = "2024";', "edition 2024"),
    ],
)
def test_only_proto3_is_supported(tmp_path: Path, syntax: str, called: str) -> None:
    assert complaints(tmp_path, {"a.proto": f"// A comment.\n\n{syntax} package a.v1;"}) == [
        f"a.proto:3:1: syntax: {called} is not supported, since betterproto has no classes for it: "
        'write syntax = "proto3";'
    ]


def test_a_file_without_syntax_is_proto2(tmp_path: Path) -> None:
    (line,) = complaints(tmp_path, {"a.proto": "package a.v1;"})
    assert line.startswith("a.proto:1:1: syntax: proto2 is not supported")


@pytest.mark.parametrize(
    ("package", "sentence"),
    [
        ("", "1:1: package: there is none, and it names the Python module: write one, such as package shop.v1;"),
        ("package a.import.v1;", "1:20: package a.import.v1: a part of it is a Python keyword: rename it"),
        *(
            (
                f"package {package};",
                f"1:20: package {package}: there is another Python module {package.split('.')[0]}, and imports find "
                f"only one of the two: put a name of yours before it, as in package acme.{package};",
            )
            for package in ("email.v1", "google.shop", "perdure.shop.v1", "betterproto")
        ),
    ],
)
def test_a_package_must_be_importable(tmp_path: Path, package: str, sentence: str) -> None:
    assert complaints(tmp_path, {"a.proto": f'syntax = "proto3"; {package} message M {{}}'}) == [f"a.proto:{sentence}"]


def test_packages_that_import_each_other_are_refused(tmp_path: Path) -> None:
    circle = {
        "a1.proto": 'syntax = "proto3"; package a.v1; import "b1.proto"; message M { b.v1.M m = 1; }',
        "a2.proto": 'syntax = "proto3"; package a.v1; message N {}',
        "b1.proto": 'syntax = "proto3"; package b.v1; message M {}',
        "b2.proto": 'syntax = "proto3"; package b.v1; import "c1.proto"; message N { c.v1.M m = 1; }',
        "c1.proto": 'syntax = "proto3"; package c.v1; message M {}',
        "c2.proto": 'syntax = "proto3"; package c.v1; import "a2.proto"; message N { a.v1.N n = 1; }',
    }
    assert complaints(tmp_path, circle) == [
        f"{file}:1:20: package {package}: it imports {imported} of the package {through}, which imports {package} in "
        "turn, and Python modules cannot: move what both need into a third package"
        for file, package, imported, through in [
            ("a1.proto", "a.v1", "b1.proto", "b.v1"),
            ("b2.proto", "b.v1", "c1.proto", "c.v1"),
            ("c2.proto", "c.v1", "a2.proto", "a.v1"),
        ]
    ]


def test_a_package_is_generated_whole_or_not_at_all(tmp_path: Path) -> None:
    asked = request(
        tmp_path,
        {
            "shop/v1/a.proto": 'syntax = "proto3"; package shop.v1; import "shop/v1/b.proto"; message A { B b = 1; }',
            "shop/v1/b.proto": 'syntax = "proto3"; package shop.v1; message B {}',
        },
    )
    asked.file_to_generate.remove("shop/v1/b.proto")

    assert run(asked).error == (
        "shop/v1/a.proto:1:20: package shop.v1: shop/v1/b.proto belongs to it but is not generated in the same run, "
        "and a package is one Python module: for buf set strategy: all in buf.gen.yaml, to protoc name all files of "
        "the package"
    )


def test_options_of_the_plugin_are_refused(tmp_path: Path) -> None:
    asked = request(tmp_path, shop(""))
    asked.parameter = "pydantic_dataclasses"

    assert run(asked).error == "protoc-gen-perdure takes no options, but got 'pydantic_dataclasses': remove them"


@pytest.mark.parametrize("name", ["None", "True", "False", "none"])
def test_messages_called_like_a_keyword_are_refused(tmp_path: Path, name: str) -> None:
    assert complaints(tmp_path, shop(f"message {name} {{}}")) == [
        f"shop/v1/shop.proto:5:9: message shop.v1.{name}: its Python class would be called {name.capitalize()}, which "
        "is a keyword: rename it"
    ]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            "message Order_Item {}\nmessage OrderItem {}",
            "6:9: message shop.v1.OrderItem: OrderItem in the Python module shop.v1 would stand for it and for the "
            "message shop.v1.Order_Item: rename one of them",
        ),
        (
            "message A { message B {} }\nenum A_B { A_B_A = 0; }",
            "6:6: enum shop.v1.A_B: AB in the Python module shop.v1 would stand for it and for the message "
            "shop.v1.A.B: rename one of them",
        ),
        (
            "message CartHandlers {}\nservice Cart {}",
            "6:9: service shop.v1.Cart: CartHandlers in the Python module shop.v1 would stand for it and for the "
            "message shop.v1.CartHandlers: rename one of them",
        ),
        (
            "message CartStateFields {}\nservice Cart { option (perdure.v1.service) = "
            '{ kind: VIRTUAL_OBJECT state: "shop.v1.Order" }; }',
            "6:9: service shop.v1.Cart: CartStateFields in the Python module shop.v1 would stand for it and for the "
            "message shop.v1.CartStateFields: rename one of them",
        ),
        (
            "message M { string fooBAR = 1;\n string foo_bar = 2; }",
            "6:9: field shop.v1.M.foo_bar: foo_bar in the Python class of shop.v1.M would stand for it and for the "
            "field shop.v1.M.fooBAR: rename one of them",
        ),
        (
            "enum E { E_A = 0;\n X_E_A = 1; }",
            "6:2: enum value shop.v1.E.X_E_A: A in the Python class of shop.v1.E would stand for it and for the enum "
            "value shop.v1.E.E_A: rename one of them",
        ),
        (
            "service S { rpc PayNow(Order) returns (Receipt);\n rpc Pay_Now(Order) returns (Receipt); }",
            "6:6: rpc shop.v1.S.Pay_Now: pay_now in the Python class of shop.v1.S would stand for it and for the rpc "
            "shop.v1.S.PayNow: rename one of them",
        ),
    ],
)
def test_two_names_that_become_one_in_python_are_refused(tmp_path: Path, body: str, sentence: str) -> None:
    assert complaints(tmp_path, shop(body)) == [f"shop/v1/shop.proto:{sentence}"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        *(
            (
                f"message M {{\n string {name} = 1; }}",
                f"6:9: field shop.v1.M.{name}: it would be called {name} in Python, but betterproto messages have a "
                "member of that name: rename it",
            )
            for name in ("parse", "dump", "load", "is_set", "to_dict", "from_json")
        ),
        *(
            (
                f"enum E {{ E_UNSPECIFIED = 0;\n {name} = 1; }}",
                f"6:2: enum value shop.v1.E.{name}: it would be called {name} in Python, but betterproto enums have a "
                "member of that name: rename it",
            )
            for name in ("name", "value", "mro", "real", "from_string")
        ),
        (
            "service S { rpc Service(Order) returns (Receipt); }",
            "5:17: rpc shop.v1.S.Service: it would be called service in Python, but handlers and clients have a member "
            "of that name: rename it",
        ),
    ],
)
def test_names_that_a_base_class_needs_are_refused(tmp_path: Path, body: str, sentence: str) -> None:
    assert complaints(tmp_path, shop(body)) == [f"shop/v1/shop.proto:{sentence}"]


def test_types_of_google_that_betterproto_lacks_are_refused(tmp_path: Path) -> None:
    lacking = (
        'syntax = "proto3"; package a.v1; import "google/protobuf/descriptor.proto";\n'
        "message M { google.protobuf.FeatureSet.VisibilityFeature f = 1; }"
    )
    assert complaints(tmp_path, {"a.proto": lacking}) == [
        "a.proto:2:58: field a.v1.M.f: betterproto has no class for google.protobuf.FeatureSet.VisibilityFeature: "
        "declare a message of yours"
    ]
