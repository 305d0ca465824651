"""Generated code at run time: it imports, it serves, and its classes are those of betterproto."""

import dataclasses
import shutil
import subprocess
import sys
import typing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import betterproto
import perdure
import pytest
from betterproto.lib.google.protobuf import Empty, Struct
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from perdure import codec
from perdure.generated import Service, ServiceKind, State
from perdure_codegen.generate import bundled, generate

from tests.codegen.compiling import modules
from tests.codegen.generated.market.common.v1 import Currency, Money
from tests.codegen.generated.market.orders import v1
from tests.codegen.golden import PROTOS


class Orders(v1.OrderServiceHandlers):
    async def process(self, ctx: perdure.Context, request: v1.Order) -> v1.OrderReceipt:
        return v1.OrderReceipt(order_id=request.id)

    async def import_(self, ctx: perdure.Context, request: Struct) -> Empty:
        return Empty()

    async def price_of(self, ctx: perdure.Context, request: v1.PriceOfRequest) -> Money:
        return Money()

    async def reconcile_outstanding_invoices_of_all_partners(
        self, ctx: perdure.Context, request: v1.ReconcileOutstandingInvoicesOfAllPartnersRequest
    ) -> v1.ReconcileOutstandingInvoicesOfAllPartnersResponse:
        return v1.ReconcileOutstandingInvoicesOfAllPartnersResponse()


class Accounts(v1.UserAccountHandlers):
    async def update_balance(self, ctx: v1.UserAccountContext, request: v1.UpdateBalanceRequest) -> v1.Balance:
        return v1.Balance()

    async def get_balance(self, ctx: v1.UserAccountSharedContext, request: v1.AccountKey) -> v1.Balance:
        return v1.Balance()


class Locks(v1.LockHandlers):
    async def acquire(self, ctx: perdure.ObjectContext, request: v1.AccountKey) -> Empty:
        return Empty()

    async def peek(self, ctx: perdure.SharedObjectContext, request: v1.AccountKey) -> Empty:
        return Empty()


def test_an_endpoint_serves_handlers_and_tells_their_descriptors_dependencies_first() -> None:
    endpoint = perdure.Endpoint(Orders(), Accounts(), Locks())

    discovered = endpoint.discovery()
    files = [file.name for file in FileDescriptorSet.FromString(discovered.descriptors).file]

    assert set(discovered.services) == {
        "market.orders.v1.OrderService",
        "market.orders.v1.UserAccount",
        "market.orders.v1.Lock",
    }
    ours = [name for name in files if not name.startswith("google/")]
    assert sorted(ours) == sorted(
        [
            "market/common/v1/money.proto",
            "perdure/v1/annotations.proto",
            "market/orders/v1/orders.proto",
            "market/orders/v1/accounts.proto",
        ]
    )
    assert ours[-1] == "market/orders/v1/accounts.proto"


def test_handlers_that_miss_one_cannot_be_made() -> None:
    class Half(v1.UserAccountHandlers):
        async def update_balance(self, ctx: v1.UserAccountContext, request: v1.UpdateBalanceRequest) -> v1.Balance:
            return v1.Balance()

    with pytest.raises(TypeError, match="get_balance"):
        Half()  # type: ignore[abstract]  # That is what is tested.


@pytest.mark.parametrize("service", [v1.ORDER_SERVICE, v1.USER_ACCOUNT, v1.ARCHIVE, v1.ODDITIES, v1.LOCK, v1.SIGNUP])
def test_the_key_of_a_handler_is_a_field_of_its_request(service: Service) -> None:
    for handler in service.handlers:
        assert (handler.key_field is None) == (service.kind is ServiceKind.SERVICE)
        assert handler.key_field is None or handler.key_field in field_names(handler.request)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        (v1.UserAccountStateFields, v1.AccountState),
        (v1.UserAccountReadStateFields, v1.AccountState),
        (v1.ArchiveStateFields, v1.Everything),
        (v1.OdditiesStateFields, v1.Names),
        (v1.OdditiesReadStateFields, v1.Names),
    ],
)
def test_typed_state_has_an_attribute_for_each_field(fields: type[object], state: type[betterproto.Message]) -> None:
    others = set(dir(State))
    assert {name for name in dir(fields) if not name.startswith("_")} - others == field_names(state)


def field_names(message: type[betterproto.Message]) -> set[str]:
    """The attributes of a message."""
    return {name for name in vars(message()) if not name.startswith("_")}


EVERYTHING = v1.Everything(
    double_value=1.5,
    float_value=0.5,
    int32_value=-1,
    uint64_value=2**63,
    sint64_value=-(2**62),
    bool_value=True,
    string_value="ä",
    bytes_value=b"\x00",
    enum_value=v1.OrderStatus.STATUS_PAID,
    message_value=v1.OrderItem(sku="a", price=Money(currency=Currency.EUR, amount=3)),
    numbers=[1, 2],
    enums=[v1.OrderStatus.STATUS_PAID],
    messages=[v1.OrderItem(sku="b")],
    counts={"a": 1},
    enums_by_number={1: v1.OrderStatus.STATUS_PAID},
    messages_by_name={"a": v1.OrderItem(quantity=1)},
    optional_number=0,
    optional_message=v1.OrderItem(sku="c"),
    timestamp=datetime(2024, 1, 2, tzinfo=UTC),
    duration=timedelta(seconds=90),
    durations=[timedelta(seconds=1)],
    wrapped_string="",
    wrapped_number=7,
    imported_enum=Currency.USD,
    moment=datetime(2024, 1, 3, tzinfo=UTC),
)


def test_a_message_with_a_field_of_every_kind_survives_the_wire() -> None:
    assert codec.decode(v1.Everything, codec.encode(EVERYTHING)) == EVERYTHING


def test_names_that_python_needs_survive_the_wire() -> None:
    names = v1.Names(
        from_="a",
        lambda_=1,
        str="b",
        list=["c"],
        dict={"d": b"e"},
        bool=False,
        datetime=datetime(2024, 1, 2, tzinfo=UTC),
        int=2,
        betterproto="f",
        self="g",
    )
    assert codec.decode(v1.Names, codec.encode(names)) == names


def test_types_of_every_field_can_be_resolved_at_run_time() -> None:
    classes = [each for each in vars(v1).values() if isinstance(each, type) and dataclasses.is_dataclass(each)]
    assert len(classes) == 16
    for each in classes:
        typing.get_type_hints(each)


def test_another_top_level_package_is_imported_from_the_output_root(tmp_path: Path) -> None:
    sources = {
        "money/v1/money.proto": 'syntax = "proto3"; package money.v1; message Price { int64 cents = 1; }',
        "shop/v1/shop.proto": (
            'syntax = "proto3"; package shop.v1; import "money/v1/money.proto"; import "shop/v1/list/list.proto";'
            "message Cart { money.v1.Price price = 1; shop.v1.list.Entry entry = 2; repeated string list = 3; }"
        ),
        # A package inside the other, called like a builtin that the other's code needs.
        "shop/v1/list/list.proto": 'syntax = "proto3"; package shop.v1.list; message Entry { string text = 1; }',
    }
    for name, text in modules(tmp_path, sources).items():
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_text(text)
    script = (
        "from shop.v1 import Cart, _shop_v1_list; from money.v1 import Price\n"
        "cart = Cart(price=Price(cents=3), entry=_shop_v1_list.Entry(text='a'), list=['b'])\n"
        "print(Cart().parse(bytes(cart)) == cart)"
    )

    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path / "out", capture_output=True, text=True)

    assert (ran.stdout, ran.stderr) == ("True\n", "")


# What betterproto's own generator wants for formatting is not installed: it gets code back as it was.
BETTERPROTO = """
import sys, types
isort = types.ModuleType("isort"); isort.api = types.ModuleType("isort.api")
isort.api.sort_code_string = lambda code, **_: code
black = types.ModuleType("black"); black.Mode = lambda: None; black.format_str = lambda src_contents, mode: src_contents
sys.modules |= {"isort": isort, "isort.api": isort.api, "black": black}
from betterproto.plugin.main import main
main()
"""


def test_classes_fields_and_enum_values_are_those_of_betterprotos_own_generator(tmp_path: Path) -> None:
    plugin = tmp_path / "protoc-gen-theirs"
    plugin.write_text(f"#!{sys.executable}\n{BETTERPROTO}")
    plugin.chmod(0o755)
    protos = tmp_path / "protos"
    shutil.copytree(PROTOS, protos)
    # The one name that its own generator cannot carry.
    orders = protos / "market/orders/v1/orders.proto"
    orders.write_text(orders.read_text().replace("  string betterproto = 9;\n", ""))
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{protos}", f"-I{bundled()}", f"--plugin={plugin}"]
    names = [path.relative_to(protos).as_posix() for path in sorted(protos.rglob("*.proto"))]
    (tmp_path / "theirs").mkdir()

    subprocess.run([*protoc, f"--theirs_out={tmp_path / 'theirs'}", *names], check=True, capture_output=True)
    generate(protos, tmp_path / "ours")

    ours = described(tmp_path / "ours")
    assert len(ours) > 100
    assert ours == described(tmp_path / "theirs")


def described(root: Path) -> list[str]:
    """One line for each field and enum value of the generated modules, read in a process of its own."""
    script = """
import betterproto
for name in ("market.common.v1", "market.orders.v1"):
    module = __import__(name, fromlist=["x"])
    for cls in vars(module).values():
        if isinstance(cls, type) and issubclass(cls, betterproto.Message) and cls.__module__ == name:
            print(name, cls.__name__)
            for field in cls.__dataclass_fields__.values():
                print(name, cls.__name__, field.name, field.metadata["betterproto"])
        if isinstance(cls, type) and issubclass(cls, betterproto.Enum) and cls.__module__ == name:
            for value in cls:
                print(name, cls.__name__, value.name, value.value)
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    return sorted(ran.stdout.splitlines())
